/* fuzz_capture_file.c: any bytes as a capture file. Every packet that comes out lies within them, and its bytes can be read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/capture_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* [bytes, bytes + n) lies within the file. */
static void inside(const void *bytes, size_t n, const uint8_t *file, size_t file_bytes)
{
	const uint8_t *at = bytes;

	require(at >= file && at <= file + file_bytes && n <= (size_t)(file + file_bytes - at));
}

static void read_all(struct capture_file *capture, const uint8_t *file, size_t n)
{
	struct capture_file_counters counters;
	struct captured_packet packet;
	struct err err = {0};
	enum capture_found found;
	uint64_t packets = 0;

	while ((found = capture_file_next(capture, &packet, &err)) == CAPTURE_PACKET || found == CAPTURE_BLOCK) {
		if (found == CAPTURE_BLOCK) {
			inside(capture_file_block(capture)->body, capture_file_block(capture)->body_bytes, file, n);
			continue;
		}
		packets++;
		inside(packet.bytes, packet.captured, file, n);
		require(packet.wire_bytes >= packet.captured);
		if (packet.comment)
			inside(packet.comment, packet.comment_bytes, file, n);
		require(packet.has_time || packet.at_ns == 0);
	}
	require(found == CAPTURE_END || found == CAPTURE_CUT || found == CAPTURE_BROKEN);
	require((found == CAPTURE_END) == (err.code == ERR_NONE));
	capture_file_counters(capture, &counters);
	require(counters.packets == packets && counters.bytes <= n);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	struct capture_file *capture;
	struct err err;
	uint8_t *file;
	size_t bytes;

	if (n < 1)
		return 0;
	file = malloc(n);
	if (!file)
		return 0;
	memcpy(file, input + 1, n - 1);
	capture = capture_file_open_bytes("input", file, n - 1, &err);
	if (capture) {
		if (input[0] % 2)
			capture_file_want_blocks(capture, true);
		for (size_t i = 0; capture_file_comment(capture, i, &bytes); i++)
			require(bytes < n);
		read_all(capture, file, n - 1);
	} else {
		require(err.code == ERR_SYSTEM && err.text[0] != '\0');
	}
	capture_file_close(capture);
	free(file);
	return 0;
}
