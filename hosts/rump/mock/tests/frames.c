#include "suite.h"
const struct test frames_tests[] = { { NULL, NULL, NULL } };
