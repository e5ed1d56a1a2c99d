/* fuzz_journal.c: any bytes as a record: facts, network, and the link that plays it back, driven as the run loop would. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/cli/facts.h"
#include "nscan/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void on_failed(void *context, uint64_t cookie, int error)
{
	(void)cookie;
	(void)error;
	++*(unsigned *)context;
}

static void on_frame(void *context, const struct frame *frame)
{
	struct reply reply;

	++*(unsigned *)context;
	require(frame->interface >= 0 && frame->wire_bytes >= frame->captured);
	decode_frame(frame->type, frame->bytes, frame->captured, &reply);
}

/* Takes whatever comes next, until nothing does. */
static void play(struct link *link)
{
	unsigned count = 0;
	struct replay_note note;
	struct err err = {0};
	enum journal_kind next;

	while ((next = replay_next(link)) != JOURNAL_OVER) {
		int64_t now_ns = link_now(link);

		require(next != JOURNAL_NONE && now_ns == link_now(link));
		if (next == JOURNAL_PROBE) {
			link_send(link, 0, (const uint8_t *)"probe", 5, 0);
		} else if (next == JOURNAL_FRAME || next == JOURNAL_FAILED) {
			require(link_recv(link, 0, on_frame, &count, &err));
			require(replay_next(link) != JOURNAL_FRAME);
		} else {
			require(replay_take(link, next, &note) && note.text);
		}
	}
}

static void read_record(struct capture_file *file)
{
	struct network network = {0};
	struct err err = {0};
	unsigned failed = 0;
	size_t n;
	char *text = journal_read_facts(file, &n, &err);
	struct facts *facts = text ? facts_parse(text, n, &err) : NULL;
	bool ok;

	require(text || err.code != ERR_NONE);
	ok = facts && facts_network(facts, &network, &err);
	if (ok) {
		struct replay_options options = {
		        .file = file, .network = &network, .send_failed = on_failed, .context = &failed};
		struct link *link;

		link = replay_link_open(&options, &err);
		if (link)
			play(link);
		link_close(link);
	}
	while (facts && facts_next_file(facts, &n))
		;
	network_free(&network);
	facts_free(facts);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	uint8_t *bytes = malloc(n ? n : 1); /* a block of its own, so that the sanitizer sees every read past the end */
	struct capture_file *file;
	struct err err;

	if (!bytes)
		return 0;
	memcpy(bytes, input, n);
	file = capture_file_open_bytes("input", bytes, n, &err);
	if (file && journal_is_record(file))
		read_record(file);
	capture_file_close(file);
	free(bytes);
	return 0;
}
