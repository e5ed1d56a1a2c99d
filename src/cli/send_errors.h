/* send_errors.h: packets that the kernel would not take: counted by errno, told once in plain words with the remedy. */
#ifndef NSCAN_CLI_SEND_ERRORS_H
#define NSCAN_CLI_SEND_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

enum { SEND_ERROR_KINDS = 12 };

/* Zero-initialised is "none". */
struct send_errors {
	struct {
		int error; /* errno; 0: row not in use */
		uint64_t count;
	} kinds[SEND_ERROR_KINDS]; /* the last row also takes what finds no room */
	uint64_t total;
};

/* Counts one. True when this errno is seen for the first time. */
bool send_errors_add(struct send_errors *errors, int error);
/* What that errno means here and what to do about it. Static for all that are known, else strerror's text. */
const char *send_error_text(int error);
/* The text of the most frequent one; NULL when there was none. */
const char *send_errors_commonest(const struct send_errors *errors);

#endif
