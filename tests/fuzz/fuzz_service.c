/* fuzz_service.c: any bytes as the answer from any port; the first two are the port. Two readings of the same port are merged. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

/* What a reading promises whatever the bytes were. */
static void check(const struct service_reading *r, int known)
{
	if (!r->info[0] || !memchr(r->info, 0, sizeof(r->info)) || !memchr(r->product, 0, sizeof(r->product)) ||
	    !memchr(r->version, 0, sizeof(r->version)) || strpbrk(r->info, "\r\n") || known != (r->service != NULL) ||
	    r->detail_count > SERVICE_MAX_DETAILS || r->text_bytes > SERVICE_TEXT_BYTES)
		abort();
	for (size_t i = 0; i < r->detail_count; i++) {
		const char *value = r->text + r->details[i].at;

		if (r->details[i].at >= r->text_bytes || !memchr(value, 0, (size_t)r->text_bytes - r->details[i].at) ||
		    strpbrk(value, "\r\n"))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	struct service_reading here, elsewhere;
	uint16_t port;
	uint8_t *data;
	int known;

	if (n < 3)
		return 0;
	port = (uint16_t)(input[0] << 8 | input[1]);
	data = malloc(n - 2); /* of just that size: a read past the end is noticed */
	if (!data)
		return 0;
	memcpy(data, input + 2, n - 2);
	known = service_read(port, data, n - 2, n - 2, &here);
	check(&here, known);
	known = service_read(9, data, n - 2, n + 1000, &elsewhere);
	check(&elsewhere, known);
	service_merge(&elsewhere, &here);
	check(&elsewhere, elsewhere.service != NULL);
	free(data);
	return 0;
}
