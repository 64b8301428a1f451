#include "suite.h"
const struct test life_tests[] = { { NULL, NULL, NULL } };
