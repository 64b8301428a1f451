#include "suite.h"
const struct test faults_tests[] = { { NULL, NULL, NULL } };
