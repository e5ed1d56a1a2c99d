/* answers.h: what is kept about a port that answered; shared by the files of answers and by nobody else.
 *
 *   answers.c         answers are read, compared and told
 *   answers_more.c    open ports are asked for more
 *   answers_notes.c   what is strange about the answers of a host */
#ifndef NSCAN_CORE_ANSWERS_H
#define NSCAN_CORE_ANSWERS_H

#include "internal.h"

enum {
	EXCHANGES = 6, /* asks of a port whose answers are compared */
	MOST_PAYLOADS = 16,
	ANSWER_TEXT_BYTES = 72,
};

/* One ask, and the first answer to it. */
struct exchange {
	uint16_t attempt;
	uint16_t answers; /* 0: asked, nothing came yet */
	bool used;
	bool one_answer; /* the protocol gives no second one */
	int64_t sent_ns; /* 0: not known */
	int64_t first_ns;
	int64_t last_ns;
	uint64_t bytes_hash;   /* of the data, keyed */
	uint64_t meaning_hash; /* of what was read, without clocks and counters */
	char text[ANSWER_TEXT_BYTES];
};

/* Where the server sees one of our source ports. */
struct mapping {
	struct addr ours, mapped;
	uint16_t our_port, mapped_port;
};

/* What a port said so far. */
struct port_answer {
	uint32_t slot;
	bool told;                       /* an event about the open port went out: */
	struct port_event event;         /* that one, without the reading */
	struct service_reading *reading; /* of all answers together; NULL: none */
	struct exchange exchanges[EXCHANGES];
	uint8_t next_exchange;
	bool prepared;                /* `asked` is filled */
	uint8_t asked[MOST_PAYLOADS]; /* how often each payload was sent */
	uint16_t more_asks;
	bool conflict_told, duplicate_told, stranger_told, cut_told;
	uint8_t mappings;
	struct mapping mapping[2];
};

/* The same, made when it is missing. NULL when there are too many already, or memory ran out: then the port is open and nothing more is
 * said about it. */
struct port_answer *answer_make(struct engine *e, struct portscan *scan, const struct port_slot *slot);
/* The ask with that attempt, made when it is missing: the oldest one is forgotten then. */
struct exchange *exchange_make(struct port_answer *answer, uint16_t attempt, int64_t sent_ns);
/* "after 0.31 ms", or how long after the first answer when it is not known when the ask was sent. */
enum { AFTER_TEXT_BYTES = 40 };
const char *after_text(const struct exchange *exchange, int64_t at_ns, char out[AFTER_TEXT_BYTES]);
/* What the answer to that ask says; an echo is told by what was sent. */
void read_answer(const struct engine *e, const struct ask *ask, const struct reply *reply, struct service_reading *out);

#endif
