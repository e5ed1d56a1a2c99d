/* quote.c: text from the user or a file, made fit for a one-line message. */
#include "quote.h"

#include <stdio.h>

/* The longest piece is "\xNN"; after it still go "...", the quote and the NUL. */
enum { PIECE_BYTES = 4, TAIL_BYTES = 5 };

const char *quote_text(const char *text, size_t n, char out[QUOTE_BYTES])
{
	size_t at = 0;

	out[at++] = '\'';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (at + PIECE_BYTES + TAIL_BYTES > QUOTE_BYTES) {
			at += (size_t)snprintf(out + at, QUOTE_BYTES - at, "...");
			break;
		}
		if (c < 0x20 || c >= 0x7f)
			at += (size_t)snprintf(out + at, QUOTE_BYTES - at, "\\x%02x", c);
		else
			out[at++] = (char)c;
	}
	out[at++] = '\'';
	out[at] = '\0';
	return out;
}
