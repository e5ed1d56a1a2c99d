/* replay.c: a record as a link: the engine is told what it was told, when it was told, and has to send what it sent. */
#include <stdlib.h>
#include <string.h>

#include "capture_reading.h"
#include "nscan/journal.h"
#include "pcapng.h"

/* Body of a journal block before its text. */
enum { NOTE_BYTES = 28 };

/* What comes next. */
struct happening {
	enum journal_kind kind; /* JOURNAL_NONE: not read yet */
	int64_t at_ns;          /* on the clock of the link that was */
	uint32_t number;
	uint64_t cookie;
	struct captured_packet packet;
	const char *text;
	size_t text_bytes;
};

struct replay {
	struct link link;
	struct replay_options options;
	int *interfaces; /* of the network, by their number in the file */
	size_t interface_count;
	struct happening next;
	int64_t now_ns; /* when the last thing happened */
	uint64_t taken; /* packets */
	char *text;     /* of the last thing taken */
	struct link_counters counters;
	struct err why;
};

static struct replay *replay_of(struct link *link)
{
	return (struct replay *)link; /* its first member */
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

bool journal_is_record(const struct capture_file *file)
{
	size_t n;
	const char *comment = capture_file_comment(file, 0, &n);

	return comment && n >= strlen(JOURNAL_MARK) && memcmp(comment, JOURNAL_MARK, strlen(JOURNAL_MARK)) == 0;
}

/* Packets and ends are not told by notes. */
static bool is_note(uint32_t kind)
{
	return (kind >= JOURNAL_FACTS && kind <= JOURNAL_DONE) || kind == JOURNAL_NAME || kind == JOURNAL_TOLD ||
	       kind == JOURNAL_DROPS;
}

/* Reads a block of the journal. False when it is none, or too short. */
static bool read_note(const struct capture_file *file, struct happening *out)
{
	const struct capture_block *block = capture_file_block(file);
	size_t n;

	if (block->type != JOURNAL_BLOCK || block->body_bytes < NOTE_BYTES)
		return false;
	n = capture_u32(file, block->body + 24);
	if (!is_note(capture_u32(file, block->body)) || n > block->body_bytes - NOTE_BYTES)
		return false;
	*out = (struct happening){
	        .kind = (enum journal_kind)capture_u32(file, block->body),
	        .number = capture_u32(file, block->body + 4),
	        .at_ns = (int64_t)capture_u64(file, block->body + 8),
	        .cookie = capture_u64(file, block->body + 16),
	        .text = (const char *)block->body + NOTE_BYTES,
	        .text_bytes = n,
	};
	return true;
}

char *journal_read_facts(struct capture_file *file, size_t *bytes, struct err *err)
{
	struct captured_packet packet;
	struct happening note;
	enum capture_found found;
	char *facts = NULL, *grown;

	*bytes = 0;
	capture_file_want_blocks(file, true);
	do {
		found = capture_file_next(file, &packet, err);
		if (found == CAPTURE_BLOCK && read_note(file, &note) && note.kind == JOURNAL_FACTS) {
			grown = realloc(facts, *bytes + note.text_bytes + 1);
			if (!grown) {
				err_set(err, ERR_SYSTEM, "out of memory while reading %.200s", capture_file_name(file));
				break;
			}
			facts = grown;
			memcpy(facts + *bytes, note.text, note.text_bytes);
			*bytes += note.text_bytes;
			facts[*bytes] = '\0';
			if (note.number == 0)
				return facts;
		}
	} while (found == CAPTURE_BLOCK || found == CAPTURE_INTERRUPTED);
	if (err->code == ERR_NONE)
		err_set(err, ERR_SYSTEM, "%.200s: the record ends before it says what was scanned",
		        capture_file_name(file));
	free(facts);
	return NULL;
}

static void over(struct replay *replay, const struct err *why)
{
	replay->next = (struct happening){.kind = JOURNAL_OVER, .at_ns = replay->now_ns};
	if (replay->why.code == ERR_NONE)
		replay->why = *why;
}

/* Interfaces are described when their first packet comes. */
static bool know_interface(struct replay *replay, uint32_t number)
{
	const struct network *network = replay->options.network;

	while (replay->interface_count <= number && replay->interface_count < network->interface_count) {
		const char *name = capture_file_interface(replay->options.file, (uint32_t)replay->interface_count);
		int index = network_interface_by_name(network, name);

		if (index < 0)
			return false;
		replay->interfaces[replay->interface_count++] = index;
	}
	return number < replay->interface_count;
}

/* A packet block: what was sent and received; asides are for people. */
static void take_packet(struct replay *replay, const struct captured_packet *packet)
{
	struct err why;

	if (packet->comment)
		return;
	if (!know_interface(replay, packet->interface) || packet->direction == CAPTURE_ANY_WAY) {
		err_set(&why, ERR_SYSTEM, "%.200s: packet %llu is none of a record",
		        capture_file_name(replay->options.file), (unsigned long long)replay->taken + 1);
		over(replay, &why);
		return;
	}
	replay->next = (struct happening){
	        .kind = packet->direction == CAPTURE_OUTBOUND ? JOURNAL_PROBE : JOURNAL_FRAME,
	        .at_ns = packet->at_ns,
	        .packet = *packet,
	};
}

/* A time of the record on the clock of the link that was. False when it cannot be one. */
static bool to_link_time(const struct replay *replay, int64_t *at_ns)
{
	int64_t since_ns;

	return !__builtin_sub_overflow(*at_ns, replay->options.start_wall_ns, &since_ns) &&
	       !__builtin_add_overflow(since_ns, replay->options.start_ns, at_ns) && *at_ns >= 0 &&
	       *at_ns <= CAPTURE_MOST_NS;
}

/* Reads on until something is next. */
static void read_next(struct replay *replay)
{
	struct capture_file *file = replay->options.file;

	while (replay->next.kind == JOURNAL_NONE) {
		struct captured_packet packet;
		struct err why = {0};

		switch (capture_file_next(file, &packet, &why)) {
		case CAPTURE_PACKET:
			take_packet(replay, &packet);
			break;
		case CAPTURE_BLOCK:
			if (capture_file_block(file)->type == PCAPNG_SECTION)
				over(replay, &why);
			else if (!read_note(file, &replay->next) || replay->next.kind == JOURNAL_FACTS)
				replay->next.kind = JOURNAL_NONE;
			break;
		case CAPTURE_INTERRUPTED:
			return;
		default:
			over(replay, &why);
		}
	}
	if (replay->next.kind != JOURNAL_OVER && !to_link_time(replay, &replay->next.at_ns)) {
		struct err why;

		err_set(&why, ERR_SYSTEM, "%.200s: a time at packet %llu cannot be; the record was altered",
		        capture_file_name(file), (unsigned long long)replay->taken + 1);
		over(replay, &why);
	}
}

bool replay_ready(struct link *link)
{
	struct replay *replay = replay_of(link);

	return replay->next.kind != JOURNAL_NONE || capture_file_ready(replay->options.file);
}

void replay_wait(struct link *link)
{
	capture_file_wait(replay_of(link)->options.file, -1, replay_of(link)->options.wait_mask);
}

enum journal_kind replay_next(struct link *link)
{
	struct replay *replay = replay_of(link);

	if (replay->next.kind == JOURNAL_NONE && capture_file_ready(replay->options.file))
		read_next(replay);
	return replay->next.kind;
}

static void taken(struct replay *replay)
{
	replay->now_ns = replay->next.at_ns;
	replay->next.kind = JOURNAL_NONE;
}

/* The engine did something else than it did then. */
static void differs(struct replay *replay, const char *what)
{
	struct err why;

	err_set(&why, ERR_SYSTEM,
	        "%.160s: %s at packet %llu: this nscan does not do what the recorded one did; read it with the version "
	        "that "
	        "made it",
	        capture_file_name(replay->options.file), what, (unsigned long long)replay->taken + 1);
	over(replay, &why);
}

bool replay_take(struct link *link, enum journal_kind kind, struct replay_note *out)
{
	struct replay *replay = replay_of(link);

	if (replay_next(link) == JOURNAL_OVER)
		return false;
	if (replay->next.kind != kind) {
		differs(replay, "something else happened");
		return false;
	}
	if (out) {
		free(replay->text);
		replay->text = strndup(replay->next.text, replay->next.text_bytes);
		*out = (struct replay_note){
		        .at_ns = replay->next.at_ns,
		        .number = replay->next.number,
		        .text = replay->text ? replay->text : "",
		};
	}
	taken(replay);
	return true;
}

uint64_t replay_cookie(struct link *link)
{
	return replay_next(link) == JOURNAL_NONE ? 0 : replay_of(link)->next.cookie;
}

uint32_t replay_number(struct link *link)
{
	return replay_next(link) == JOURNAL_NONE ? 0 : replay_of(link)->next.number;
}

const struct err *replay_why(const struct link *link)
{
	return &((const struct replay *)link)->why;
}

/* --- the link ------------------------------------------------------------------------------------------------------------ */

static int64_t replay_now(struct link *link)
{
	struct replay *replay = replay_of(link);
	enum journal_kind next = replay_next(link);

	return next == JOURNAL_NONE || next == JOURNAL_OVER ? replay->now_ns : replay->next.at_ns;
}

/* Tells of the packets that could not be sent, when that is what comes next. */
static void tell_failures(struct link *link)
{
	struct replay *replay = replay_of(link);

	while (replay_next(link) == JOURNAL_FAILED) {
		uint64_t cookie = replay->next.cookie;
		int error = (int)replay->next.number;

		replay->options.send_failed(replay->options.context, cookie, error);
		taken(replay);
	}
}

static void replay_send(struct link *link, int interface, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	struct replay *replay = replay_of(link);
	const struct captured_packet *packet = &replay->next.packet;

	(void)cookie;
	switch (replay_next(link)) {
	case JOURNAL_OVER:
		return;
	case JOURNAL_PROBE:
		break;
	default:
		differs(replay, "a probe is due that was not");
		return;
	}
	if (packet->captured != n || memcmp(packet->bytes, bytes, n) != 0 ||
	    replay->interfaces[packet->interface] != interface) {
		differs(replay, "another probe is due");
		return;
	}
	replay->taken++;
	taken(replay);
}

static bool replay_recv(struct link *link, int64_t until_ns, frame_handler *handler, void *context, struct err *err)
{
	struct replay *replay = replay_of(link);
	enum journal_kind next;

	(void)until_ns;
	(void)err;
	for (tell_failures(link); (next = replay_next(link)) == JOURNAL_FRAME; tell_failures(link)) {
		struct frame frame = {
		        .at_ns = replay->next.at_ns,
		        .interface = replay->interfaces[replay->next.packet.interface],
		        .type = (enum frame_link)replay->next.packet.link_type,
		        .bytes = replay->next.packet.bytes,
		        .captured = replay->next.packet.captured,
		        .wire_bytes = replay->next.packet.wire_bytes,
		};

		replay->taken++;
		replay->counters.frames_received++;
		handler(context, &frame);
		taken(replay);
	}
	return true;
}

static void replay_counters(struct link *link, struct link_counters *out)
{
	*out = replay_of(link)->counters;
}

static void replay_close(struct link *link)
{
	struct replay *replay = replay_of(link);

	free(replay->text);
	free(replay->interfaces);
	free(replay);
}

static const struct link_ops replay_ops = {
        .now = replay_now,
        .send = replay_send,
        .flush = tell_failures,
        .recv = replay_recv,
        .counters = replay_counters,
        .close = replay_close,
};

struct link *replay_link_open(const struct replay_options *options, struct err *err)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (replay)
		replay->interfaces = calloc(options->network->interface_count + 1, sizeof(*replay->interfaces));
	if (!replay || !replay->interfaces) {
		free(replay);
		err_set(err, ERR_SYSTEM, "out of memory while reading the record");
		return NULL;
	}
	replay->link.ops = &replay_ops;
	replay->options = *options;
	replay->now_ns = options->start_ns;
	return &replay->link;
}
