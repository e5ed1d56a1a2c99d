/* journal.c: writes the record of a scan as pcapng: whole blocks, put out often, so that whatever happens can be read. */
#include "nscan/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pcapng.h"

enum {
	BUFFER_BYTES = 1 << 18,
	FACTS_PART_BYTES = 60000,
	NANOSECONDS = 9,
	FLAG_INBOUND = 1,
	FLAG_OUTBOUND = 2,
	LINKTYPE_ETHERNET = 1,
	LINKTYPE_RAW = 101,
};
/* What kill -9 may cost at most. */
static const int64_t FLUSH_EVERY_NS = 100000000;

struct journal {
	int fd;
	char path[256];
	bool regular;
	bool plain;           /* packets alone */
	uint64_t start_bytes; /* were there before (standard output may be appended to a file) */
	int error;            /* errno of the first write that failed; 0: none */
	uint64_t written_bytes;
	uint64_t packets;
	int64_t flushed_ns;
	int64_t to_wall_ns;                 /* added to a time of the link */
	const struct interface *interfaces; /* of the network */
	int interface_count;                /* described so far */
	int *numbers;                       /* of each of them in this section; -1: not described yet */
	size_t used;
	size_t block; /* where the block being written begins */
	uint8_t buffer[BUFFER_BYTES];
};

/* --- the file ------------------------------------------------------------------------------------------------------------ */

struct journal *journal_open(const char *path, struct err *err)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct stat about;

	if (!journal) {
		err_set(err, ERR_OUTPUT, "out of memory for -w %.200s", path);
		return NULL;
	}
	if (strlen(path) >= sizeof(journal->path)) {
		err_set(err, ERR_OUTPUT, "-w %.40s...: the path is too long; at most %zu bytes", path,
		        sizeof(journal->path) - 1);
		free(journal);
		return NULL;
	}
	strcpy(journal->path, path);
	if (strcmp(path, "-") == 0)
		journal->fd = dup(STDOUT_FILENO);
	else
		journal->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (journal->fd < 0) {
		err_set(err, ERR_OUTPUT, "-w %s: %s; give a file that can be written", path, strerror(errno));
		free(journal);
		return NULL;
	}
	journal->regular = fstat(journal->fd, &about) == 0 && S_ISREG(about.st_mode);
	if (journal->regular)
		journal->start_bytes = (uint64_t)about.st_size;
	return journal;
}

/* After a write that did not arrive as a whole: the file ends with the last block that did. */
static void cut_to_whole_block(struct journal *journal, size_t arrived)
{
	size_t whole = 0;

	for (;;) {
		uint32_t bytes;

		if (whole + PCAPNG_BLOCK_BYTES > arrived)
			break;
		memcpy(&bytes, journal->buffer + whole + 4, sizeof(bytes));
		if (whole + bytes > arrived)
			break;
		whole += bytes;
	}
	if (journal->regular &&
	    ftruncate(journal->fd, (off_t)(journal->start_bytes + journal->written_bytes + whole)) != 0)
		return; /* the file ends in the middle of a block, which its readers tell */
}

static void put_out(struct journal *journal)
{
	size_t arrived = 0;

	while (arrived < journal->used) {
		ssize_t n = write(journal->fd, journal->buffer + arrived, journal->used - arrived);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) { /* standard output that somebody made non-blocking */
			poll(&(struct pollfd){.fd = journal->fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (n < 0) {
			journal->error = errno;
			cut_to_whole_block(journal, arrived);
			break;
		}
		arrived += (size_t)n;
	}
	journal->written_bytes += arrived;
	journal->used = 0;
}

/* --- blocks -------------------------------------------------------------------------------------------------------------- */

static void put(struct journal *journal, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(journal->buffer + journal->used, bytes, n);
	journal->used += n;
}

static void put32(struct journal *journal, uint32_t value)
{
	put(journal, &value, sizeof(value));
}

static void put64(struct journal *journal, uint64_t value)
{
	put(journal, &value, sizeof(value));
}

static void pad(struct journal *journal, size_t n)
{
	static const uint8_t zeros[4];

	put(journal, zeros, pcapng_padded(n) - n);
}

static void option(struct journal *journal, uint16_t code, const void *value, size_t n)
{
	uint16_t head[] = {code, (uint16_t)n};

	put(journal, head, sizeof(head));
	put(journal, value, n);
	pad(journal, n);
}

static void option_text(struct journal *journal, uint16_t code, const char *text)
{
	size_t n = strlen(text);

	option(journal, code, text, n < PCAPNG_OPTION_MAX_BYTES ? n : PCAPNG_OPTION_MAX_BYTES);
}

/* False when there is no journal any more. `room`: the block is at most so long. */
static bool begin_block(struct journal *journal, uint32_t type, size_t room)
{
	if (!journal || journal->error || room > BUFFER_BYTES)
		return false;
	if (journal->used + room > BUFFER_BYTES)
		put_out(journal);
	if (journal->error)
		return false;
	journal->block = journal->used;
	put32(journal, type);
	put32(journal, 0);
	return true;
}

static void end_block(struct journal *journal)
{
	uint32_t bytes = (uint32_t)(journal->used - journal->block + 4);

	put32(journal, bytes);
	memcpy(journal->buffer + journal->block + 4, &bytes, sizeof(bytes));
}

static void put_section(struct journal *journal, const struct journal_head *head)
{
	static const uint16_t version[] = {PCAPNG_MAJOR, 0};
	size_t room = 1024;

	for (size_t i = 0; i < head->comment_count; i++) {
		size_t n = strlen(head->comments[i]);

		room += (n < PCAPNG_OPTION_MAX_BYTES ? n : PCAPNG_OPTION_MAX_BYTES) + 8;
	}
	if (!begin_block(journal, PCAPNG_SECTION, room))
		return;
	put32(journal, PCAPNG_BYTE_ORDER);
	put(journal, version, sizeof(version));
	put64(journal, UINT64_MAX); /* how long the section is: not known yet */
	option_text(journal, PCAPNG_SHB_APPLICATION, head->version);
	for (size_t i = 0; i < head->comment_count; i++)
		option_text(journal, PCAPNG_OPTION_COMMENT, head->comments[i]);
	option(journal, PCAPNG_OPTION_END, NULL, 0);
	end_block(journal);
}

/* Described when its first packet comes: libpcap refuses files in which interfaces of different link types are described. */
static void put_interface(struct journal *journal, int number)
{
	const struct interface *interface = &journal->interfaces[number];
	uint16_t head[] = {interface->kind == LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW, 0};
	uint8_t resolution = NANOSECONDS;

	if (!begin_block(journal, PCAPNG_INTERFACE, 256))
		return;
	journal->numbers[number] = journal->interface_count++;
	put(journal, head, sizeof(head));
	put32(journal, 0); /* no snap length */
	option_text(journal, PCAPNG_IF_NAME, interface->name);
	if (interface->kind == LINK_ETHERNET)
		option(journal, PCAPNG_IF_MAC, interface->mac, MAC_BYTES);
	option(journal, PCAPNG_IF_TSRESOL, &resolution, 1);
	option(journal, PCAPNG_OPTION_END, NULL, 0);
	end_block(journal);
}

static void put_note(struct journal *journal, enum journal_kind kind, int64_t wall_ns, uint32_t number, uint64_t cookie,
                     const char *text, size_t n)
{
	if (!begin_block(journal, JOURNAL_BLOCK, n + 64))
		return;
	put32(journal, kind);
	put32(journal, number);
	put64(journal, (uint64_t)wall_ns);
	put64(journal, cookie);
	put32(journal, (uint32_t)n);
	put(journal, text, n);
	pad(journal, n);
	end_block(journal);
}

bool journal_begin(struct journal *journal, const struct journal_head *head, struct err *err)
{
	size_t parts = (head->facts_bytes + FACTS_PART_BYTES - 1) / FACTS_PART_BYTES;
	int used = 0, last = -1;

	journal->to_wall_ns = head->start_wall_ns - head->start_ns;
	journal->plain = !head->facts;
	journal->interface_count = 0;
	free(journal->numbers);
	journal->numbers = calloc(head->network->interface_count + 1, sizeof(*journal->numbers));
	if (!journal->numbers) {
		journal->error = ENOMEM;
		return err_set(err, ERR_SYSTEM, "out of memory for -w %s", journal->path);
	}
	put_section(journal, head);
	journal->interfaces = head->network->interfaces;
	for (size_t i = 0; i < head->network->interface_count; i++) {
		journal->numbers[i] = -1;
		if (head->use_interface[i]) {
			used++;
			last = (int)i;
		}
	}
	if (used == 1)
		put_interface(journal, last); /* whatever becomes of the scan, it is a capture */
	for (size_t i = 0; i < parts; i++) {
		size_t from = i * FACTS_PART_BYTES, left = head->facts_bytes - from;

		put_note(journal, JOURNAL_FACTS, head->start_wall_ns, (uint32_t)(parts - 1 - i), 0, head->facts + from,
		         left < FACTS_PART_BYTES ? left : FACTS_PART_BYTES);
	}
	put_out(journal);
	if (journal->error)
		return err_set(err, ERR_OUTPUT, "-w %s: %s; give a file that can be written", journal->path,
		               strerror(journal->error));
	journal->flushed_ns = head->start_ns;
	return true;
}

static void put_packet(struct journal *journal, int interface, const uint8_t *bytes, size_t captured, size_t wire_bytes,
                       uint32_t direction, int64_t at_ns, const char *comment)
{
	uint64_t wall_ns;

	if (!journal || journal->error)
		return;
	if (journal->numbers[interface] < 0)
		put_interface(journal, interface);
	if (!begin_block(journal, PCAPNG_PACKET, captured + 512))
		return;
	wall_ns = (uint64_t)(at_ns + journal->to_wall_ns);
	put32(journal, (uint32_t)journal->numbers[interface]);
	put32(journal, (uint32_t)(wall_ns >> 32));
	put32(journal, (uint32_t)wall_ns);
	put32(journal, (uint32_t)captured);
	put32(journal, (uint32_t)wire_bytes);
	put(journal, bytes, captured);
	pad(journal, captured);
	option(journal, PCAPNG_EPB_FLAGS, &direction, sizeof(direction));
	if (comment)
		option_text(journal, PCAPNG_OPTION_COMMENT, comment);
	option(journal, PCAPNG_OPTION_END, NULL, 0);
	end_block(journal);
	journal->packets++;
}

void journal_probe(struct journal *journal, int interface, const uint8_t *bytes, size_t n, int64_t now_ns)
{
	put_packet(journal, interface, bytes, n, n, FLAG_OUTBOUND, now_ns, NULL);
}

void journal_frame(struct journal *journal, const struct frame *frame)
{
	put_packet(journal, frame->interface, frame->bytes, frame->captured, frame->wire_bytes, FLAG_INBOUND,
	           frame->at_ns, NULL);
}

void journal_aside(struct journal *journal, int interface, const uint8_t *bytes, size_t n, bool outbound, int64_t at_ns,
                   const char *comment)
{
	put_packet(journal, interface, bytes, n, n, outbound ? FLAG_OUTBOUND : FLAG_INBOUND, at_ns, comment);
}

void journal_note(struct journal *journal, enum journal_kind kind, int64_t now_ns, uint32_t number, uint64_t cookie,
                  const char *text)
{
	if (journal && !journal->plain)
		put_note(journal, kind, now_ns + journal->to_wall_ns, number, cookie, text, text ? strlen(text) : 0);
}

void journal_flush(struct journal *journal, int64_t now_ns, int64_t until_ns)
{
	if (!journal || journal->error || journal->used == 0)
		return;
	if (now_ns - journal->flushed_ns < FLUSH_EVERY_NS && until_ns < journal->flushed_ns + FLUSH_EVERY_NS)
		return;
	put_out(journal);
	journal->flushed_ns = now_ns;
}

bool journal_is_alive(const struct journal *journal)
{
	return journal && !journal->error;
}

bool journal_close(struct journal *journal, struct err *err)
{
	bool ok = true;

	if (!journal)
		return true;
	if (!journal->error && journal->used > 0)
		put_out(journal);
	if (close(journal->fd) != 0 && !journal->error)
		journal->error = errno;
	if (journal->error)
		ok = err_set(err, ERR_OUTPUT, "-w %s: %s; what is missing there is lost (%llu bytes arrived)",
		             journal->path, strerror(journal->error), (unsigned long long)journal->written_bytes);
	free(journal->numbers);
	free(journal);
	return ok;
}
