/* payload_fixture.h: the book of all payloads, and their judges, as the tests of the payloads need them. */
#ifndef NSCAN_TESTS_PAYLOAD_FIXTURE_H
#define NSCAN_TESTS_PAYLOAD_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "nscan/payload.h"

/* All of them, between open_book and close_book: the setup and teardown of a group of tests. */
extern struct payload_book *book;

int open_book(void **state);
int close_book(void **state);
/* Fails the test when there is none of that name. */
const struct payload *by_name(const char *name);
/* Returns how many bytes that were. */
size_t from_hex(const char *hex, uint8_t *out);
/* What the payload's judge says. It sees a copy of just that size, so that a sanitizer notices a read past its end. */
enum answer judged(const struct payload *payload, const uint8_t *data, size_t n, uint16_t nonce);

#endif
