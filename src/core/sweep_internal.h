/* sweep_internal.h: the sweep's own structures, shared by its files and by nobody else.
 *
 *   sweep.c         the public functions: passes, the next ask, waiting, events
 *   sweep_match.c   which address a received packet is about, and what it says
 *   sweep_tell.c    the results in order, and what is noted about hosts and networks
 *   sweep_store.c   what is known of each address
 *   sweep_paths.c   which way each address is reached, and the hardware addresses of gateways
 *   sweep_rate.c    how fast
 */
#ifndef NSCAN_CORE_SWEEP_INTERNAL_H
#define NSCAN_CORE_SWEEP_INTERNAL_H

#include "event_ring.h"
#include "nscan/permutation.h"
#include "nscan/rtt.h"
#include "nscan/sweep.h"
#include "nscan/target_index.h"

#define MS    INT64_C(1000000)
#define NEVER INT64_MAX

/* Stamps count in units of 256 ns, 28 bits of them: 68 s. */
enum { STAMP_SHIFT = 8, STAMP_BITS = 28, STAMP_MASK = (1 << STAMP_BITS) - 1 };
/* The attempt of a canary's echo; passes are fewer. */
/* Asked by UDP where -PU names no port: nobody listens there. */
enum { SWEEP_UNLIKELY_PORT = 40125 };
enum { MOST_PASSES = 14, CANARY_ATTEMPT = 15, DISCOVERY_ATTEMPT = 0x8000 };

/* sweep_store.c: one byte for each address of a page of 64 where anything is known, more only where a host answered. */
enum { PAGE_ADDRESSES = 64, MOST_VERDICTS = 250 };
enum { CODE_SILENT = 0, CODE_SKIPPED = 255 };
#define NO_RTT UINT32_MAX

/* What a code says. */
struct sweep_verdict {
	enum host_state state;
	const char *reason;
	struct addr from; /* who said so, when it was not the host itself */
	bool asked_on;    /* not the last word: the address is still asked */
};

struct sweep_answers {
	uint32_t rtt[PAGE_ADDRESSES]; /* in units of 256 ns; NO_RTT: not known */
	uint8_t ttl[PAGE_ADDRESSES];
	uint8_t key[PAGE_ADDRESSES]; /* which ask was answered first, and whether it was answered again */
};

struct sweep_page {
	uint8_t code[PAGE_ADDRESSES];
	struct sweep_answers *answers; /* NULL: nobody in the page is up */
	uint8_t (*macs)[MAC_BYTES];    /* NULL: nobody answered ARP */
};

struct sweep_store {
	struct sweep_page **pages;
	uint64_t count;                               /* addresses */
	struct sweep_verdict verdicts[MOST_VERDICTS]; /* code c is verdicts[c - 1] */
	unsigned verdict_count;
};

bool sweep_store_init(struct sweep_store *store, uint64_t count);
void sweep_store_free(struct sweep_store *store);
uint8_t sweep_store_code(const struct sweep_store *store, uint64_t i);
/* What the code says; not for CODE_SILENT and CODE_SKIPPED. */
const struct sweep_verdict *sweep_store_verdict(const struct sweep_store *store, uint8_t code);
/* Nothing more is asked about that address. */
bool sweep_store_is_settled(const struct sweep_store *store, uint64_t i);
/* The code of a verdict like that one. When there are too many kinds of them, that of one that does not say from whom. */
uint8_t sweep_store_code_for(struct sweep_store *store, const struct sweep_verdict *verdict);
/* NULL when memory ran out. */
struct sweep_page *sweep_store_page(struct sweep_store *store, uint64_t i);
/* The page's answers, made when they are missing. NULL when memory ran out. */
struct sweep_answers *sweep_page_answers(struct sweep_page *page);
bool sweep_page_set_mac(struct sweep_page *page, uint64_t i, const uint8_t mac[MAC_BYTES]);

/* sweep_paths.c: addresses reached the same way, as segments of the address space. */
enum { MOST_PATHS = 4096, MOST_ROUTES = 4096 };

struct sweep_path {
	struct path path;
	bool usable;
	const char *unusable;  /* the reason for which nothing is asked that way */
	bool source_is_target; /* own addresses: each is asked from itself */
	/* A gateway's hardware address. */
	bool wants_mac; /* asked for and not known yet */
	bool failed;
	uint8_t mac[MAC_BYTES];
	uint16_t attempts;
	int64_t next_ns;
};

struct sweep_segment {
	uint32_t first; /* through the next segment's first, less one */
	uint16_t path;
};

struct sweep_paths {
	struct sweep_segment *segments;
	size_t segment_count;
	struct sweep_path *paths;
	size_t path_count;
};

bool sweep_paths_make(struct sweep_paths *paths, const struct engine_config *config, const struct target_index *index,
                      int64_t now_ns, struct err *err);
void sweep_paths_free(struct sweep_paths *paths);
/* The path of an address; *last is the last address that has the same. */
struct sweep_path *sweep_paths_find(const struct sweep_paths *paths, uint32_t addr, uint32_t *last);
bool sweep_path_uses_arp(const struct sweep_path *path);

/* sweep_rate.c */
struct sweep_rate {
	double per_s;
	double most, least; /* --max-rate, --min-rate */
	double credit;
	int64_t credit_ns;
	double measured; /* what was really sent lately, each second */
	uint64_t sent, sent_before, epoch_sent;
	int64_t measured_ns;
	bool exploring; /* nothing speaks against more, so far */
	double ceiling; /* where loss showed; 0: nowhere */
	int64_t grown_ns, cut_ns, epoch_ns;
	uint32_t epoch;       /* counts cuts */
	uint32_t asked, lost; /* canaries of this epoch */
	double base;          /* share of them lost that is not our speed's doing */
	double cut_from, cut_loss;
	bool trial; /* the last cut is on trial: it has to let a larger share through */
	int64_t trial_ns;
};

void sweep_rate_init(struct sweep_rate *rate, double most, double least, int64_t now_ns);
/* May one more probe leave? `sent` so far in all. */
bool sweep_rate_ready(struct sweep_rate *rate, uint64_t sent, int64_t now_ns);
void sweep_rate_take(struct sweep_rate *rate);
int64_t sweep_rate_wake(const struct sweep_rate *rate);
/* A canary sent in that epoch was answered, or was not in time. */
void sweep_rate_canary(struct sweep_rate *rate, uint32_t epoch, bool answered, int64_t now_ns);
/* The local side was too slow: frames lost by the capture, or probes that could not be sent. */
void sweep_rate_overrun(struct sweep_rate *rate, double keep, int64_t now_ns);
/* The share of hosts that a re-ask found shows that the last pass was too fast. */
void sweep_rate_pass_lost(struct sweep_rate *rate, int64_t now_ns);

/* Hosts known to be up, asked again to see whether answers get lost at this speed. */
enum { KNOWN_HOSTS = 256, CANARIES_OUT = 256 };

struct canary {
	uint64_t i;
	int64_t sent_ns;
	uint32_t epoch;
	bool answered;
};

struct canaries {
	uint64_t known[KNOWN_HOSTS];
	int64_t asked_ns[KNOWN_HOSTS];
	uint32_t known_count, known_next, seen;
	struct canary out[CANARIES_OUT]; /* ring */
	uint32_t first, count;
	struct loss loss; /* of those settled in this pass */
	uint32_t since;   /* probes since the last one */
	int64_t next_ns;
};

void sweep_canaries_learn(struct canaries *canaries, uint64_t i);
/* The host to ask now. False: none is due. */
bool sweep_canaries_next(struct canaries *canaries, const struct sweep_rate *rate, int64_t now_ns, uint64_t *i);
/* An answer of that host. True when it had been asked as a canary and this is the first answer. */
bool sweep_canaries_answered(struct canaries *canaries, uint64_t i);
/* Those older than the timeout are lost. */
void sweep_canaries_expire(struct canaries *canaries, struct sweep_rate *rate, int64_t timeout_ns, int64_t now_ns);

/* One way of asking in a pass. */
struct sweep_round {
	enum probe_kind kind;
	uint16_t port; /* UDP */
};

enum sweep_phase { SWEEP_GATEWAYS, SWEEP_ASKING, SWEEP_WAITING, SWEEP_TELLING, SWEEP_DONE };

/* An ask that could not be sent, to be sent again. */
struct sweep_unsent {
	uint64_t i;
	struct sweep_round round;
	uint16_t attempt;
	uint8_t tries;
};

enum { MOST_UNSENT = 4096, SENT_LOG = 1024 };

/* A note about one address. */
struct sweep_note {
	uint64_t i;
	const char *code;
	char text[sizeof(((struct note_event *)0)->text)];
};

enum { MOST_NOTES = 256, MOST_BLOCK_NOTES = 16 };

/* A stretch of neighbouring /24s each of which answers as one. */
struct sweep_block {
	uint32_t first, last;
	uint64_t addresses;
	uint8_t ttl;
	uint32_t rtt; /* of its first /24, typical; units of 256 ns */
	uint8_t mac[MAC_BYTES];
	bool by_arp;
};

/* A /24 while its results are told. */
struct sweep_block_stats {
	uint32_t first; /* address of its first; valid when count > 0 */
	uint32_t count; /* told, whatever they are */
	uint32_t up;
	bool same_ttl, same_mac, has_mac;
	uint8_t ttl;
	uint8_t mac[MAC_BYTES];
	uint32_t rtts[256];
	uint32_t rtt_count;
};

struct sweep {
	struct engine_config config;
	struct target_index index;
	struct permutation order;
	struct sweep_store store;
	struct sweep_paths paths;
	uint64_t count;  /* addresses of this part */
	uint64_t silent; /* of these, not settled and to be asked; from the first pass on */
	bool silent_is_exact;
	uint64_t skipped; /* --resume */
	int64_t start_ns;

	enum sweep_phase phase;
	uint32_t pass;
	struct sweep_round *rounds; /* of the pass */
	size_t round_count, round_room, round;
	uint64_t at; /* place in the order */
	int64_t last_sent_ns;
	int64_t wait_ns;
	int64_t max_rtt_ns;
	bool any_arp, any_ip;           /* ways in which addresses are asked */
	uint64_t up_before;             /* hosts up when the pass began */
	uint64_t found[MOST_PASSES];    /* by each pass */
	double lost[MOST_PASSES];       /* share of answers that each lost, by its canaries */
	bool by_kind[PROBE_KIND_COUNT]; /* some host was found that way */

	struct sweep_rate rate;
	struct canaries canaries;
	struct sweep_rate broadcast; /* ARP requests reach everybody on the link */
	uint64_t arp_sent;
	uint64_t drops; /* of the capture, as last told */

	struct sweep_unsent unsent[MOST_UNSENT];
	size_t unsent_count;
	int64_t hold_ns;  /* nothing is sent before (after a failed send) */
	bool unsent_lost; /* more failed than could be kept: the pass has holes */

	uint8_t held[65536 / 8]; /* our source ports */
	struct rtt rtt_ip, rtt_arp;

	struct sweep_note notes[MOST_NOTES];
	size_t note_count, note_next;
	uint64_t notes_left_out;
	struct sweep_block_stats block;
	struct sweep_block blocks[MOST_BLOCK_NOTES];
	size_t block_count, block_next;
	bool block_open; /* the last of `blocks` may still grow */
	bool summed_up;
	bool stopped;
	uint64_t told;

	struct event_ring events;
	bool out_of_memory;
	struct engine_progress progress;
};

/* sweep.c */
struct event *sweep_event(struct sweep *s, enum event_kind kind, uint64_t i, int64_t at_ns);
struct addr sweep_addr(const struct sweep *s, uint64_t i);
/* False: the address is none of this sweep's. */
bool sweep_find(const struct sweep *s, const struct addr *addr, uint64_t *i);
/* sweep_tell.c */
void sweep_note_add(struct sweep *s, uint64_t i, const char *code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void sweep_tell_begin(struct sweep *s);
/* The next result or note. False: all is told. */
bool sweep_tell_next(struct sweep *s, struct event *out);

#endif
