/* fail.h: an error ends up as one line and an exit status. */
#ifndef NSCAN_CLI_FAIL_H
#define NSCAN_CLI_FAIL_H

#include "nscan/err.h"

/* What the program's end says about an error of that kind. */
int exit_status(enum err_code code);
/* Prints the one line that says what is wrong (control bytes of an argument must not reach the terminal) and gives the exit
 * status for it. */
int fail(const struct err *err);

#endif
