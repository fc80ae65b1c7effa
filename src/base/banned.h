/*
 * base/banned.h: functions that can't be used safely are compile errors. Included from the compiler's command line.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok strtok_r localtime gmtime ctime asctime
#pragma GCC poison system popen tmpnam tempnam mktemp atoi atol atoll

#endif
