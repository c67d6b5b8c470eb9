#define LC_LOOPS avx512
#include "classifier/loops.inc"
