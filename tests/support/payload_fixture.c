/* payload_fixture.c: the book of all payloads, and their judges. */
#include "payload_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct payload_book *book;

int open_book(void **state)
{
	(void)state;
	book = payload_book_of(&(struct payload_choice){.set = PAYLOADS_ALL});
	return book ? 0 : -1;
}

int close_book(void **state)
{
	(void)state;
	payload_book_free(book);
	return 0;
}

const struct payload *by_name(const char *name)
{
	for (size_t i = 0; i < payload_book_size(book); i++) {
		const struct payload *payload = payload_book_at(book, i);

		if (strcmp(payload->name, name) == 0)
			return payload;
	}
	fail_msg("no payload is called %s", name);
	return NULL;
}

size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

enum answer judged(const struct payload *payload, const uint8_t *data, size_t n, uint16_t nonce)
{
	uint8_t *copy = n ? malloc(n) : NULL;
	enum answer answer;

	if (n) {
		assert_non_null(copy);
		memcpy(copy, data, n);
	}
	answer = payload->judge(copy, n, nonce);
	free(copy);
	return answer;
}
