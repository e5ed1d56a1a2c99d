/* pmtu.h: what the path to one host carries: the path MTU, who limits it, and whether fragments get through. Pure.
 *
 * After RFC 1191 (fragmentation needed, plateau table), RFC 4821 and 8899 (a size is believed when a reply to it came, and a limit
 * when what is one byte larger stays unanswered although the host answers), RFC 5927 (errors are forgeable: a claim only says
 * what to ask next).
 *
 * The caller's loop: while pmtu_next gives a frame, send it; tell what came back; come again at pmtu_wake; until pmtu_done.
 * All sizes are lengths of IP datagrams in bytes. */
#ifndef NSCAN_PMTU_H
#define NSCAN_PMTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/event.h"
#include "nscan/rtt.h"

enum pmtu_mode {
	PMTU_OFF,
	PMTU_USUAL, /* at most 4 packets where nothing is in the way */
	PMTU_FULL,  /* also fragments reversed, fragments of 8 bytes, and each direction by itself */
};

enum {
	PMTU_ASKS = 72,       /* never more questions to one host */
	PMTU_LEAST = 68,      /* RFC 791: every link carries that; a claim below is absurd */
	PMTU_MOST = 65535,    /* longest IPv4 datagram */
	PMTU_ECHO_LEAST = 36, /* an echo with our 8 bytes of identity */
	PMTU_UDP_LEAST = 30,  /* a datagram with our 2 bytes */
};

/* How a datagram is asked. */
enum pmtu_method { PMTU_BY_ECHO, PMTU_BY_UDP };

struct pmtu_config {
	enum pmtu_mode mode;
	uint32_t interface_mtu;
	bool on_link;   /* no router in between */
	struct rtt rtt; /* round trips to the host as known so far; no sample: none */
	int64_t gap_ns; /* between two frames, where the scan is to be slow (-T); 0: none */
};

/* How an ask is cut up. */
enum pmtu_cut {
	CUT_NONE,
	CUT_IN_ORDER,
	CUT_REVERSED,   /* the last fragment first */
	CUT_TINY_FIRST, /* 8 bytes, then the rest */
};

/* One frame to send: an ask, or one fragment of it. */
struct pmtu_frame {
	enum pmtu_method method;
	uint16_t number; /* of the ask: the attempt that its identity is made of */
	uint16_t bytes;  /* of the whole datagram */
	bool dont_fragment;
	uint16_t fragment_offset; /* in bytes of the datagram's data */
	uint16_t fragment_bytes;  /* data of this fragment; 0: not cut */
	bool more_fragments;
};

enum pmtu_ask_state {
	ASK_QUEUED,   /* frames of it are still to be sent */
	ASK_OUT,      /* sent, nothing heard yet */
	ASK_ANSWERED, /* by the host */
	ASK_CUT_BACK, /* answered by a host on the same link, in fragments: more than its own interface takes */
	ASK_TOO_BIG,  /* fragmentation needed, says some router */
	ASK_SILENT,   /* timed out */
	ASK_VOID,     /* could not be sent, or its silence says nothing */
};

struct pmtu_ask {
	int64_t sent_ns; /* of its last frame */
	int64_t due_ns;  /* when its state is final: a reply may still disprove a claim */
	uint16_t bytes;
	uint16_t claim;         /* ASK_TOO_BIG: what the router said */
	uint16_t reply_bytes;   /* ASK_ANSWERED: length of the reply */
	uint16_t reply_largest; /* ... of its largest fragment; 0: it came whole */
	uint8_t method;
	uint8_t state;
	uint8_t cut;
	uint8_t frames, frames_sent;
	uint8_t failures; /* sends that failed */
	bool dont_fragment;
	bool settled;
	uint16_t batch;          /* which asks were sent together: index of the first */
	uint16_t fragment_bytes; /* data of each fragment but the last */
	struct addr from;        /* who claimed */
};

/* What came back for an ask. */
struct pmtu_answer {
	uint16_t bytes;         /* of the reply */
	bool dont_fragment;     /* on it */
	uint32_t fragments;     /* 0: it came whole */
	uint16_t largest_bytes; /* of these, the largest */
};

/* The observation of one host. */
struct pmtu {
	struct pmtu_config config;
	struct rtt rtt;
	struct pmtu_ask asks[PMTU_ASKS];
	uint16_t count;
	uint16_t batch;     /* first of the asks sent together last */
	uint16_t next;      /* first that may still have frames to send */
	uint8_t phase;      /* in pmtu_steps.c */
	uint8_t method;     /* that sizes are found by */
	bool udp_ready;     /* there is a port to ask ... */
	bool udp_proven;    /* ... that is known to refuse */
	bool udp_never;     /* none will be */
	bool hurry;         /* the answer that decides is there: the rest of the batch does not matter */
	uint8_t tries;      /* of the present question */
	uint8_t claims;     /* believed so far */
	int64_t pause_ns;   /* nothing is sent before */
	int64_t started_ns; /* of the time that it may take, waiting for a port not counted */

	uint16_t claimed; /* the size asked because of a claim; 0: none */
	struct addr claimed_from;
	uint16_t forged; /* a claim that a reply disproved; 0: none */
	struct addr forged_from;
	bool has_absurd; /* a claim that cannot be right */
	uint16_t absurd;
	struct addr absurd_from;
	bool has_reassembly_timeout;
	struct addr reassembly_timeout_from;
	uint32_t
	        echo_filtered; /* longer echo messages are dropped, other datagrams of that length are not; 0: not so */
	uint16_t echo_cut;     /* the host answered a large echo with a shorter one, of that length; 0: none */
	bool saw_later;        /* a later fragment from the host ... */
	uint32_t later_offset; /* ... whose data began there; the least */

	uint16_t
	        round_trip; /* the size that echo found for both directions, while UDP looks at the way there; 0: none */
	enum mtu_how round_trip_how;
	struct mtu_event result;
};

/* Begins at now_ns. */
void pmtu_init(struct pmtu *p, const struct pmtu_config *config, int64_t now_ns);
/* UDP can be asked, too: a port is known that refuses (proven), or one probably does. */
void pmtu_udp_ready(struct pmtu *p, bool proven, int64_t now_ns);
/* No port will be known to refuse: no use waiting for one. */
void pmtu_udp_never(struct pmtu *p, int64_t now_ns);
/* The next frame that is due. False: none now. token: the host has an ICMP error to give; without one no row of UDP asks is begun. */
bool pmtu_next(struct pmtu *p, int64_t now_ns, bool token, struct pmtu_frame *out);
/* A row of UDP asks waits for a token. */
bool pmtu_wants_token(const struct pmtu *p);
/* When pmtu_next should be called; INT64_MAX when done, or when only a reply or pmtu_udp_ready could change anything. */
int64_t pmtu_wake(const struct pmtu *p);
bool pmtu_done(const struct pmtu *p);
/* How that ask was made, for the identity of replies; NULL when there is none of that number. */
const struct pmtu_ask *pmtu_ask(const struct pmtu *p, uint16_t number);
/* Asks made so far: numbers 0 to this. */
uint16_t pmtu_ask_count(const struct pmtu *p);
/* Verified answers of the host itself; late ones count, too. */
void pmtu_answered(struct pmtu *p, uint16_t number, const struct pmtu_answer *answer, int64_t at_ns);
/* A verified fragmentation-needed. */
void pmtu_too_big(struct pmtu *p, uint16_t number, uint16_t mtu, const struct addr *from, int64_t at_ns);
/* A verified reassembly-time-exceeded. */
void pmtu_reassembly_timeout(struct pmtu *p, uint16_t number, const struct addr *from, int64_t at_ns);
/* A fragment of an ICMP message from the host to us, its data from `offset` on. */
void pmtu_saw_fragment(struct pmtu *p, uint32_t offset);
/* A frame of that ask could not be sent. */
void pmtu_send_failed(struct pmtu *p, uint16_t number, int64_t now_ns);
/* Ends it here: what is known stays known. */
void pmtu_stop(struct pmtu *p);
/* What was found, as far as it is known. False: nothing at all. */
bool pmtu_result(const struct pmtu *p, struct mtu_event *out);

#endif
