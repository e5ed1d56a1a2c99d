/* err.h: errors are values that carry their context and travel up to src/cli, which alone prints and exits. */
#ifndef NSCAN_ERR_H
#define NSCAN_ERR_H

#include <stdbool.h>

/* What went wrong, as far as the exit status is concerned. */
enum err_code {
	ERR_NONE = 0,
	ERR_USAGE,  /* the command line or an input list is wrong: exit 2, nothing was sent */
	ERR_SYSTEM, /* the machine cannot scan now (rights, interface, memory): exit 1 */
	ERR_OUTPUT, /* a report could not be written whole: exit 1 */
};

struct err {
	enum err_code code;
	char text[320]; /* one line, no newline: names the argument and the remedy */
};

/* Fills *err (which may be NULL) and returns false, so that a caller can write `return err_set(...)`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
