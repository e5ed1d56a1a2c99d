/* journal.h: nscan's own record of a scan (-w): a pcapng capture of its packets which also holds, in blocks of its own, what
 * else the engine was told and when, so that -r plays the run back through the engine call by call.
 *
 * The engine is pure: a run is a function of its configuration, the seed, and the calls made to it with their times. So the
 * record holds the configuration (facts), and in their order: each probe with the time given to engine_next_probe, each call
 * of it that gave none, each frame given to engine_receive, each send failure, the stop. Times are the link's clock, mapped
 * to the time of day once. The man page describes the blocks (section RECORDS). */
#ifndef NSCAN_JOURNAL_H
#define NSCAN_JOURNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/capture_file.h"
#include "nscan/err.h"
#include "nscan/link.h"
#include "nscan/network.h"

/* Type of the blocks; the highest bit marks types for local use. */
#define JOURNAL_BLOCK 0x80004e53U
/* The first comment of the section begins with this; a record of another format has another number. */
#define JOURNAL_MARK "nscan record 1, "

/* One thing that happened. Values are those in the file. */
enum journal_kind {
	JOURNAL_NONE = 0,    /* nothing is there yet */
	JOURNAL_FACTS = 1,   /* part of the configuration, as text; number: how many parts follow */
	JOURNAL_IDLE = 2,    /* no probe was due */
	JOURNAL_UNBUILT = 3, /* a probe was due and could not be built */
	JOURNAL_FAILED = 4,  /* a packet could not be sent: number is the errno, cookie whose it was */
	JOURNAL_STOP = 5,    /* the scan was ended: number is the exit status, text why */
	JOURNAL_DONE = 6,    /* the scan is over; text: how it went */
	JOURNAL_PROBE = 7,   /* a packet block, outbound */
	JOURNAL_FRAME = 8,   /* a packet block, inbound */
	JOURNAL_OVER = 9,    /* no more of the record can be read */
	JOURNAL_NAME = 10,   /* a host's name came; text: the name, cookie: its place among the targets */
	JOURNAL_TOLD = 11,   /* a host was reported as done, cookie: its place among the targets */
	JOURNAL_DROPS = 12,  /* the engine was told how many frames the capture had lost: cookie */
};

/* --- writing ------------------------------------------------------------------------------------------------------------- */

struct journal;

/* What stands at the beginning. The network is borrowed until closing, all else during journal_begin only. */
struct journal_head {
	const char *const
	        *comments; /* of a record the first begins with JOURNAL_MARK; longer ones than 65535 bytes are cut */
	size_t comment_count;
	const char *version;
	const struct network *network;
	const bool *use_interface; /* one flag for each interface of the network: which may be used */
	int64_t start_ns;          /* on the link's clock */
	int64_t start_wall_ns;     /* the same moment since 1970 */
	const char *facts; /* NULL: this is a capture like any other, of packets alone, and notes are not written */
	size_t facts_bytes;
};

/* Opens (and empties) the file; "-" is standard output. NULL with *err (ERR_OUTPUT) set. */
struct journal *journal_open(const char *path, struct err *err);
/* Begins the file; called again it begins a section of its own, for a network that is another now. False with *err set. */
bool journal_begin(struct journal *journal, const struct journal_head *head, struct err *err);
/* All of these do nothing without a journal, and nothing after a write failed: the scan goes on. `interface` is an index into
 * the network's interfaces, times are on the link's clock. */
void journal_probe(struct journal *journal, int interface, const uint8_t *bytes, size_t n, int64_t now_ns);
void journal_frame(struct journal *journal, const struct frame *frame);
/* A packet that is no business of the engine's; the comment says what it is for. */
void journal_aside(struct journal *journal, int interface, const uint8_t *bytes, size_t n, bool outbound, int64_t at_ns,
                   const char *comment);
/* JOURNAL_IDLE, _UNBUILT, _FAILED, _STOP, _DONE, _NAME, _TOLD, _DROPS; text may be NULL. */
void journal_note(struct journal *journal, enum journal_kind kind, int64_t now_ns, uint32_t number, uint64_t cookie,
                  const char *text);
/* Puts out what is buffered when the last time is a while ago or a wait until `until_ns` begins. Call before each wait. */
void journal_flush(struct journal *journal, int64_t now_ns, int64_t until_ns);
/* There is one, and it can still be written. */
bool journal_is_alive(const struct journal *journal);
/* Puts out the rest and closes. False with *err (ERR_OUTPUT) when something was lost, however early. NULL is fine. */
bool journal_close(struct journal *journal, struct err *err);

/* --- playing back -------------------------------------------------------------------------------------------------------- */

/* That file is a record: by its first comment. */
bool journal_is_record(const struct capture_file *file);
/* Reads the facts, which stand before everything else; allocated, terminated, the caller's. NULL with *err set. */
char *journal_read_facts(struct capture_file *file, size_t *bytes, struct err *err);

struct replay_options {
	struct capture_file *file;     /* facts taken; borrowed */
	const struct network *network; /* borrowed: interfaces of the file are those of the same name */
	int64_t start_ns;
	int64_t start_wall_ns;
	const sigset_t *wait_mask;
	send_failed_handler *send_failed;
	void *context;
};

/* A link over a record: its clock stands at whatever comes next, what is sent is compared with what was sent, what is received
 * is what was received. NULL when memory ran out. */
struct link *replay_link_open(const struct replay_options *options, struct err *err);
/* The next thing is at hand without waiting for more of the file. */
bool replay_ready(struct link *link);
/* Waits for more of the file, or for a signal. */
void replay_wait(struct link *link);
/* What comes next; JOURNAL_NONE when that has to be waited for. */
enum journal_kind replay_next(struct link *link);
/* What of the next note tells whether to take it; 0 when none is at hand. */
uint64_t replay_cookie(struct link *link);
uint32_t replay_number(struct link *link);

/* A note that was taken. */
struct replay_note {
	int64_t at_ns;
	uint32_t number;
	const char *text; /* terminated, never NULL; valid until the next one is taken */
};

/* Takes what comes next, which has to be a note of that kind; `out` may be NULL. False, and the record is over, when something
 * else comes: it was made by another version. */
bool replay_take(struct link *link, enum journal_kind kind, struct replay_note *out);
/* JOURNAL_OVER: why. ERR_NONE: the file was whole. */
const struct err *replay_why(const struct link *link);

#endif
