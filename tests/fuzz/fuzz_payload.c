/* fuzz_payload.c: any bytes as the answer to every payload; the first two are the nonce. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

enum { MOST_PAYLOADS = 256 };

/* Every payload of the book, collected at the first input. */
struct collection {
	const struct payload *payloads[MOST_PAYLOADS];
	size_t count;
};

static const struct collection *all_payloads(void)
{
	static struct collection all;
	static struct payload_book *book;

	if (book)
		return &all;
	book = payload_book_of(&(struct payload_choice){.set = PAYLOADS_ALL});
	if (!book || payload_book_size(book) > MOST_PAYLOADS)
		abort();
	for (size_t i = 0; i < payload_book_size(book); i++)
		all.payloads[all.count++] = payload_book_at(book, i);
	return &all;
}

static void judge_all(const uint8_t *data, size_t n, uint16_t nonce)
{
	const struct collection *all = all_payloads();

	for (size_t i = 0; i < all->count; i++) {
		const struct payload *payload = all->payloads[i];
		enum answer answer = payload->judge ? payload->judge(data, n, nonce) : ANSWER_UNKNOWN;

		/* Proof takes the two bytes, so it takes a place for them, and no answer proves two nonces. */
		if (answer != ANSWER_PROVED)
			continue;
		if (payload->nonce_offset < 0 || n < 2 || payload->judge(data, n, nonce ^ 1) == ANSWER_PROVED)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	uint8_t *data;

	if (n < 2)
		return 0;
	data = n > 2 ? malloc(n - 2) : NULL;
	if (n > 2 && !data)
		return 0;
	if (data)
		memcpy(data, input + 2, n - 2);
	judge_all(data, n - 2, (uint16_t)(input[0] << 8 | input[1]));
	free(data);
	return 0;
}
