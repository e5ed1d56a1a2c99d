/* fail.h: what the program has to say on standard error, one line each; an error ends up as such a line and an exit status. */
#ifndef NSCAN_CLI_FAIL_H
#define NSCAN_CLI_FAIL_H

#include <stdarg.h>

#include "nscan/err.h"

/* What the program's end says about an error of that kind. */
int exit_status(enum err_code code);
/* Prints the one line that says what is wrong, and gives the exit status for it. */
int fail(const struct err *err);
/* "nscan: ...": arguments, file names and what comes from a record may hold anything, so control bytes are escaped. */
void say_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_line_of(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#endif
