#include "suite.h"
const struct test ports_tests[] = { { NULL, NULL, NULL } };
