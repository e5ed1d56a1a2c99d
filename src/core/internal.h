/* internal.h: the engine's own structures, shared by its files and by nobody else.
 *
 *   engine.c     the public functions: configuration, the window of active hosts, pacing, events, progress
 *   hosts.c      hosts by address, and the heap that says which one wants to act next
 *   discovery.c  neighbours (ARP) and the question whether a host is up
 *   event_ring.c events that wait to be taken
 *   match.c      which question a received packet answers
 *
 * The port scan of a host:
 *   portscan.c   its lanes, its turns, its verdicts, the end
 *   replies.c    what a verified reply to a port says, and which evidence outweighs which
 *   queues.c     the ports that wait to be asked
 *   asking.c     what to ask next, within the limit; groups.c: the asks sent together as a proof
 *   asklog.c     every ask in the order sent, and what its timeout says
 *   presence.c   whether the host is still there
 *   router.c     when routers in front of hosts refused something last
 *   proof.c      what a refusal proves about the asks before it, and what it means that tokens are counted
 *   check.c      conclusions from silence are tested before they are drawn; patience where the model leads nowhere
 *   limiter.c    the model of the limit (limiter.h)
 *   usual.c      which of the limits in wide use it is (usual.h)
 *   volley.c     what to ask a host that gives one error at a time; interval.c: what its refusals prove (interval.h)
 *   windows.c    a limit that gives so many errors each so long (windows.h): what its volleys prove; windows_find.c: whether it
 *                looks like that; windows_choose.c: what to ask
 *   collect.c    a limit that is none of those in wide use (collect.h): what was taken of it; fit.c: its rate, and which ports are
 *                likely closed; collect_choose.c: what to ask meanwhile; measure.c: the rate by which its tokens can be counted; rollcall.c: the proof of silence at the end
 *
 * Beside the states of ports:
 *   answers.c    what open ports say, and answers that contradict each other; answers_more.c: open ports are asked for more;
 *                answers_notes.c: what is strange about the answers of a host
 *   mtu.c        the path MTU observation beside the ports
 *   quotes.c     what the quotes in ICMP errors tell about the way
 */
#ifndef NSCAN_CORE_INTERNAL_H
#define NSCAN_CORE_INTERNAL_H

#include "collect.h"
#include "event_ring.h"
#include "nscan/engine.h"
#include "nscan/limiter.h"
#include "nscan/pmtu.h"
#include "nscan/ranges.h"
#include "nscan/reassembly.h"
#include "nscan/rtt.h"
#include "nscan/target_index.h"
#include "nscan/wire.h"
#include "usual.h"
#include "windows.h"

#define MS       INT64_C(1000000)
#define NEVER    INT64_MAX
#define NO_INDEX UINT32_MAX

/* Identity of the discovery's own UDP probes must differ from the port scan's to the same port. */
enum { DISCOVERY_ATTEMPT = 0x8000 };
/* And those of the path MTU observation, followed by the number of its ask. */
enum { MTU_ATTEMPT = 0x4000 };

/* The low half of a port scan's cookie: bit 31 clear, then the lane, then the end of the log number. */
enum { COOKIE_LOG_BITS = 21, COOKIE_LOG_MASK = (1 << COOKIE_LOG_BITS) - 1, MOST_LANES = 1024 };

/* The low half of an MTU probe's cookie: these bits, then the number of the ask. */
#define MTU_COOKIE (UINT32_C(3) << 30)

/* One UDP port of one host. */
enum port_stage {
	STAGE_FRESH,   /* not asked yet */
	STAGE_WAITING, /* asked, the timeout has not passed */
	STAGE_AGAIN,   /* silent so far, in one of the two queues */
	STAGE_URGENT,  /* gave an answer that needs confirmation, in the queue for that */
	STAGE_SETTLED,
};

struct port_slot {
	uint32_t lane;         /* which one it belongs to, once asked */
	uint32_t next;         /* in its queue; NO_INDEX: last */
	uint32_t last_entry;   /* number of the newest log entry about this port */
	uint32_t last_bracket; /* log number of the refusal that last proved a silence */
	uint32_t epoch;        /* the scan's epoch when it was last asked */
	int64_t last_sent_ns;
	uint16_t number;
	uint16_t attempts;     /* the next attempt's number */
	uint16_t passed_over;  /* attempts that were not made, so that the next one carries the payload wanted */
	uint16_t collected;    /* asks of it while refusals were collected: their silence is in the weights below */
	uint16_t promised;     /* asks that stayed silent although by the count there was one */
	uint16_t waiting;      /* asks of it that have not timed out */
	uint16_t weak_attempt; /* the last attempt that got a weak answer, plus 1 */
	uint8_t stage;         /* enum port_stage */
	uint8_t state;         /* enum port_state, once settled */
	bool by_target;        /* settled by an ICMP error of the target itself */
	bool weighed;          /* counted among the silent ports, for the share of closed ones */
	uint8_t silences;      /* asks unanswered although the host could provably refuse */
	uint8_t brackets;      /* on how many separate occasions that was */
	uint8_t unproven;      /* asks in the current round about which nothing is proved yet */
	uint8_t weak_answers;  /* quick answers that prove nothing by themselves, from a host under forgery */
	uint8_t failed_sends;
	float silence_weight,
	        judged_weight; /* logarithms of how probable its silences are if it refuses (fit.c): lately, and before */
	uint16_t round;        /* the scan's round when unproven was started */
};

/* First in, first out, through port_slot.next. */
struct port_queue {
	uint32_t first, last, count;
};

/* One ask in the order sent: what a refusal proves about the asks before it is read from here. */
struct log_entry {
	int64_t sent_ns;
	uint32_t slot;    /* index of the port; NO_INDEX when it was not sent after all */
	uint32_t bracket; /* the refusal that proved that a token was there */
	uint16_t attempt;
	bool refused;  /* an ICMP error of the target answered it */
	bool answered; /* anything else answered it */
	bool expired;
	bool sentinel; /* the port was known to be closed */
	bool check;    /* part of a check */
	bool bracketed;
	bool patient;    /* sent after a pause, so that a token was there until the first refusal of its group */
	bool promised;   /* by the count of tokens one was there */
	bool token;      /* one was there so surely that a refusal just behind proves it */
	bool none_there; /* one was there, and it did not take it: another ask did that was sent too near to it in time */
	uint16_t after;     /* refusals of asks sent later, near enough to say something about this one */
	float expected;     /* probability with which it was expected to take a token */
	bool roll_call;     /* its silence is judged by the roll call alone */
	bool begins_volley; /* to a host whose errors come in windows */
};

/* A token bucket of our own. */
struct pace {
	double per_s;
	double burst;
	double credit;
	int64_t at_ns;
};

/* The port scan of one host: its ports, and one lane for each source address that asks it. */
struct portscan {
	struct port_slot *slots; /* in the order of asking */
	size_t slot_count;
	size_t settled;
	size_t silent;     /* of these, settled by silence */
	size_t fresh_next; /* slots before it have been asked at least once ... */
	int64_t fresh_ns;  /* ... the last of them then */
	uint32_t sentinel; /* slot of a port known to refuse; NO_INDEX: none yet */
	struct rtt rtt;
	struct loss loss;
	struct loss open_loss; /* of asks while no limit was met: what a second ask got, the first had lost */
	double closed_weight;  /* verdicts lately, for the share of ports that refuse */
	double silent_weight;
	struct pace
	        pace; /* asks of all lanes: --max-rate of -T, and a host-wide limit on errors when there are many lanes */
	struct lane *lanes;
	size_t lane_count;
	uint32_t teacher;    /* the lane that learns the limit for all: the first that is not deaf */
	bool router_refuses; /* a router answers for the host, and nothing of the host itself has been refused by it */
	struct addr router;
	struct addr refuser;           /* the router that refused a port of this host last, ... */
	int64_t refuser_last_ns;       /* ... when that was asked; 0: none did */
	bool target_refuses;           /* the host itself refused something: its silence proves something */
	size_t turn;                   /* the lane that may ask first next time */
	struct limit_event limit_told; /* icmp_per_s 0: none */
	struct port_answer *answers;   /* of the ports that answered, by slot */
	size_t answer_count, answer_capacity;
	int64_t answered_ns; /* when the last answer came, or the last ask for more was sent */
	int64_t ask_more_ns; /* not before */
	bool bad_checksum_told;
};

enum { VOLLEY_TIMES = 4 };

/* Asks sent together to a host that gives one error at a time (interval.c). */
struct volley {
	uint32_t first;          /* log number of its first ask */
	bool open;               /* more of it is to come */
	bool is_last;            /* it is to prove all suspects silent */
	bool tried, trying;      /* whether it is such a host: asked as if it were */
	uint8_t trials, in_vain; /* volleys on trial; those of them in a row of which none was refused */
	bool spaced;             /* its order is kept */
	bool loss_counted;       /* an error of it was lost, and that is in the estimate of loss */
	bool at_once;            /* perhaps there is no error for it */
	uint32_t refusals;       /* of the lane, when it began */
	int64_t began_ns;
	double nobody;         /* probability that none of it is refused */
	double expected;       /* refusals expected of it, were there errors for all */
	double closed, silent; /* ports lately, for the share that refuse */
	uint32_t suspects;     /* that may still go in front */
	uint32_t sentinels;    /* still to come at its end */
	int64_t high_ns;       /* from then on there surely is an error */
	uint32_t early;        /* asks to come before that, ... */
	int64_t early_gap_ns;  /* ... so far apart */
	int64_t least_rtt_ns;  /* of refusals */
	int64_t least_late_ns; /* how much later than by the shortest way the newest refused ask arrived */
	int64_t most_late_ns;
	int64_t apart_ns[VOLLEY_TIMES]; /* the last times between two errors */
	uint32_t apart_count;
	int64_t lately_ns;   /* the longest of them */
	int64_t shortest_ns; /* that surely brings a new one; 0: not seen yet */
	int64_t refused_ns;  /* when the newest ask was sent that is known to be refused */
};

/* One source address asking one host: hosts limit their ICMP errors for each peer address (Linux), so each has a log, a limit and a
 * pace of its own. A port belongs to the lane that asked it first. */
struct lane {
	struct portscan *scan;
	uint32_t index; /* in scan->lanes */
	struct addr source;
	bool heard;           /* something was answered to it */
	uint32_t unheard;     /* asks of ports known to refuse that stayed unanswered, since anything was answered */
	int64_t wake_ns;      /* nothing to do before */
	int64_t hold_ns;      /* nothing is sent before (after a send error) */
	uint16_t send_pauses; /* in a row, each longer */

	/* Its ports. */
	struct port_queue urgent;   /* gave an answer that another one has to confirm */
	struct port_queue retry;    /* silent, and nothing proved about it */
	struct port_queue suspects; /* silent at least once while the host could refuse */
	uint32_t waiting;           /* ports asked that are in no queue */

	/* Its asks. */
	struct log_entry *log; /* ring: entry n is at n modulo the capacity, a power of two */
	uint32_t log_capacity;
	uint32_t log_first;     /* oldest kept */
	uint32_t log_judged;    /* oldest not yet told to the limits in wide use */
	uint32_t log_unexpired; /* oldest not timed out */
	uint32_t log_next;      /* number of the next entry */
	uint32_t outstanding;   /* asks not answered and not timed out */
	double expected_out;    /* tokens that they are expected to take */
	int64_t last_ask_ns;
	int64_t last_suspect_ns; /* when a port that silence is to be proved of was last asked */

	/* The limit. */
	struct limiter limiter;
	struct usual usual;       /* the limits in wide use, each tried on what was seen */
	struct usual usual_again; /* the same once more, from a later time on, once none seemed to be left */
	bool trying_again;
	uint32_t judged_refusals; /* refusals when all of the log was last told to them */
	bool counted;             /* the count of tokens was sure when an ask was chosen last (proof.c) */
	double silence;           /* how probable the silence since the last refusal is, had tokens been there */

	/* What divides the order of asks for proofs. */
	uint32_t refusals;
	uint32_t epoch; /* counts refusals and empties: an ask of this epoch was made since the last of them */
	uint16_t round; /* counts sentinels concluded, and empties: what was not proved by then never will be */

	/* No limit is known: the window of asks in flight. */
	double window;         /* how many may be outstanding */
	double window_slow;    /* from there on it grows by one each round trip only */
	int64_t backed_off_ns; /* asks sent before have had their say about congestion */

	/* The bucket is drained: asked past the model until it is empty. */
	bool drain;
	double drain_window;     /* asks that may be outstanding meanwhile */
	uint32_t drained;        /* refusals in this drain */
	int64_t drain_ns;        /* when it began */
	uint16_t empties_in_row; /* times that the bucket was found empty, without a refusal in between */

	/* The row of suspects in front of the next refusal. */
	int64_t row_ns;          /* when the first of these was asked */
	uint32_t suspects_asked; /* in this epoch */
	uint32_t takers_due;     /* refusals still wanted behind the suspects asked last */

	/* The group: a lead, suspects, sentinels. */
	int64_t lead_ns;           /* when the refusable ask in front of the suspects was sent */
	uint32_t group;            /* suspects asked since the last sentinels */
	bool spoiled;              /* one of them was refused, and no sentinel since */
	uint32_t sentinels_due;    /* of the sentinels behind the group, those not sent yet */
	uint32_t sentinels_out;    /* in flight */
	uint32_t sentinels_silent; /* in a row, with nothing else refused */

	/* The check under way: some ports of the silence once more, and a sentinel behind them. */
	bool checking;         /* other asks wait until it has told whether there is a token */
	int64_t tail_ns;       /* when the last ask of the silence that made us check was sent */
	bool check_lead;       /* a lead was sent in front */
	bool check_closed;     /* all its sentinels are sent */
	uint32_t check_left;   /* ports that may still be asked before the sentinels */
	double check_expected; /* refusals expected from those asked */
	double check_taken;    /* refusals expected from fresh ports asked in place of sentinels */
	uint32_t check_out;    /* asks of it not yet answered or timed out */
	uint32_t check_asked, check_refused;
	bool check_token;       /* a sentinel was refused */
	int64_t check_first_ns; /* first ask of it that was refused */
	double check_level;     /* tokens that the model promised when it began */
	uint32_t check_used;    /* the limiter's count of tokens taken when it began */
	uint32_t short_checks;  /* in a row that got far fewer refusals than promised ... */
	uint32_t short_most;    /* ... and the most that one of them got */

	/* Patience: when the model of the limit leads nowhere, a pause long enough for any limit before each group of asks. */
	int64_t patient_ns;    /* the pause; 0: the model is trusted */
	int64_t group_ns;      /* when the group began */
	uint32_t unproductive; /* refusals and empties since something was settled or proved */

	struct collect collect; /* a limit that is none of those in wide use */
	struct volley volley;   /* a limit of one error at a time */
	struct windows windows; /* a limit that gives errors in windows */
};

enum host_stage {
	HOST_WANTS_NEIGHBOUR, /* its own or its gateway's hardware address is not known yet */
	HOST_DISCOVERY,       /* is it up? */
	HOST_PORTS,
	HOST_MTU, /* its ports are done, or none are asked: only the path MTU observation goes on */
};

/* Whether the host is still there while its ports are asked (presence.c). */
struct presence {
	enum probe_kind
	        found_by; /* the question that it answered when it was found; PROBE_UDP: none that can be asked again */
	bool is_known;    /* something of the host itself came */
	int64_t heard_ns; /* the last packet of the host itself that verified */
	int64_t ports_heard_ns; /* the last of these that a port gave or refused */
	int64_t quiet_ns;       /* without one of them, after which it is asked whether it is there */
	uint32_t asked;         /* times that ports were asked since the one ... */
	uint32_t asked_in_all;  /* ... and since the other */
	bool checking;          /* asked whether it is there, and it has not answered yet */
	bool doubted;           /* a router said that there is no way to it, and that is being looked into */
	bool router_rejects;    /* ... it was looked into: the host answers all the same */
	int64_t checking_ns;    /* since when */
	uint16_t answered;      /* such questions, since a port gave or refused something */
	uint16_t checks;        /* questions whether it is there, in a row */
	int64_t checked_ns;     /* when the last of them was sent */
	int64_t check_ns;       /* when the next one will be */
	uint16_t first_check;   /* number of the first of them among the discovery's attempts; 0: none yet */
};

struct host {
	struct addr addr;
	uint64_t ordinal;
	uint64_t index; /* place among all targets, also those of other shards */
	enum host_stage stage;
	struct path path;
	uint32_t gateway; /* index of its gateway's neighbour entry; NO_INDEX: on-link or no Ethernet */
	bool has_mac;
	uint8_t mac[MAC_BYTES]; /* of the next hop */
	uint32_t hash_next;
	uint32_t heap_index; /* place in the heap; NO_INDEX: not in it */
	int64_t wake_ns;
	int64_t started_ns;
	uint64_t turn;       /* order among equal wakes */
	uint32_t generation; /* distinguishes reuse of this place, in cookies */
	bool in_use;

	unsigned methods;                     /* enum discovery bits to be tried */
	uint16_t round;                       /* discovery attempts so far */
	unsigned round_pending;               /* kinds still to be sent in this round */
	uint16_t round_port;                  /* next of the discovery UDP ports */
	int64_t sent_at_ns[PROBE_KIND_COUNT]; /* newest discovery probe of each kind */
	int64_t decide_ns;                    /* when silence becomes the answer */
	const char *gone_reason;              /* a router says the host cannot be reached */
	struct addr gone_from;
	bool router_says_gone; /* host or net unreachable: no further round is worth it */
	uint16_t failed_sends;
	int64_t hold_ns; /* nothing is sent before (after a send error) */

	struct rtt rtt;
	bool told_up;
	int64_t refused_ns;       /* when the probe was sent that the host itself refused during discovery; 0: none */
	uint32_t weak_rounds;     /* bit for each round whose UDP probe got an answer that proves nothing */
	uint64_t rejected_errors; /* about datagrams to it that were never sent: somebody forges */
	uint64_t other_id_errors; /* believed though the IP ID quoted is another: a middlebox rewrites it */
	uint64_t rejected_udp;    /* UDP datagrams from its address that answered nothing: somebody forges */
	struct portscan *scan;    /* NULL before HOST_PORTS */
	struct presence presence; /* from HOST_PORTS on */
	struct mtu_watch *mtu;    /* NULL: its path is not observed (yet) */
	int64_t mtu_wake_ns;
	uint8_t quotes_seen; /* errors whose quotes were compared with what was sent */
	uint8_t quote_notes; /* differences told: bits, in quotes.c */
};

/* A gateway whose hardware address all hosts behind it need. */
struct neighbour {
	struct addr addr;
	int interface;
	struct addr source;
	bool known, failed;
	uint8_t mac[MAC_BYTES];
	uint16_t attempts;
	int64_t next_ns;
};

/* What --resume told: sorted, asked before a host or port is taken up. */
struct skip_port {
	struct addr addr;
	uint16_t port;
	uint8_t state; /* enum port_state */
	bool refused;  /* by the host itself */
};

struct sweep;
struct broadcast;

/* Routers that refused something, and when they did last: the newest of them. */
enum { ROUTERS_KEPT = 32 };
struct router {
	struct addr addr;
	int64_t last_ns; /* 0: no router */
};

struct engine {
	struct broadcast *broadcast; /* the same for --broadcast-ping (broadcast.h) */
	struct sweep *sweep;         /* does all of it when not NULL (sweep.h) */
	struct engine_config config;
	struct target_cursor cursor;
	bool targets_exhausted;
	uint64_t next_ordinal;
	uint64_t next_index;
	struct target_index numbers; /* of the targets; made for --shard only */

	struct router routers[ROUTERS_KEPT];

	struct host *hosts; /* places; grows, never shrinks; pointers do not survive host_new */
	size_t host_capacity;
	uint32_t *free_hosts;
	size_t free_count;
	uint32_t *buckets; /* hash of addresses */
	size_t bucket_count;
	uint32_t *heap; /* hosts by wake_ns */
	size_t heap_count;
	uint64_t turns;
	size_t active;

	struct neighbour *neighbours;
	size_t neighbour_count;

	uint16_t *port_order; /* the ports in the order of asking */
	size_t port_count;
	uint32_t *slot_of_port; /* 65536 entries: slot + 1; the same for every host */
	size_t most_payloads;   /* that any of them has */
	uint16_t *discovery_ports;
	size_t discovery_port_count;

	struct event_ring events;
	struct service_reading told; /* the reading of the event taken last */
	size_t answers_in_use;       /* over all active hosts: bounds memory */
	uint64_t stray_checks;       /* attempts tried to find out whose question a stranger answers: bounds work */
	struct addr_ranges skip_hosts;
	struct skip_port *skip_ports;
	size_t skip_port_count, skip_port_capacity;
	bool skip_ports_sorted;
	size_t slots_in_use; /* port slots of all active hosts */

	uint8_t held[65536 / 8];           /* bit for each of our source ports */
	uint8_t *padding;                  /* PADDING_BYTES; NULL: no observations */
	struct reassembly *reassembly;     /* NULL: no fragment came yet */
	const struct datagram *made_whole; /* the reply in hands came in fragments: how; else NULL */
	struct pace sending;               /* over all probes: --max-rate */
	struct pace taking_up;             /* new hosts: discovery must not flood a LAN */
	int64_t start_ns;
	struct loss discovery_loss;
	struct rtt link_rtt; /* of neighbours: how quick this LAN is */
	struct rtt routed_rtt;
	bool stopped;
	bool out_of_memory;
	struct engine_progress progress;
};

/* hosts.c */
bool hosts_init(struct engine *e);
void hosts_free(struct engine *e);
/* A place for a host; NULL when memory ran out. Older host pointers are invalid afterwards. */
struct host *host_new(struct engine *e, const struct addr *addr);
void host_release(struct engine *e, struct host *host);
struct host *host_find(struct engine *e, const struct addr *addr);
uint32_t host_index(const struct engine *e, const struct host *host);
void host_set_wake(struct engine *e, struct host *host, int64_t wake_ns);

/* engine.c */
void pace_init(struct pace *pace, double per_s, double burst, int64_t now_ns);
bool pace_ready(struct pace *pace, int64_t now_ns);
void pace_take(struct pace *pace);
int64_t pace_wake(const struct pace *pace);
/* Queues an event about the host; the caller fills the rest. NULL when memory ran out. */
struct event *event_new(struct engine *e, const struct host *host, enum event_kind kind, int64_t at_ns);
void note(struct engine *e, const struct host *host, int64_t at_ns, uint16_t port, const char *code, const char *format,
          ...) __attribute__((format(printf, 6, 7)));
void fill_probe(struct engine *e, struct host *host, const struct ask *ask, uint64_t cookie, struct probe *out);
uint64_t cookie_make(const struct engine *e, const struct host *host, uint32_t low);
void host_finish(struct engine *e, struct host *host, int64_t now_ns);

/* discovery.c */
void discovery_start(struct engine *e, struct host *host, int64_t now_ns);
/* The host's next discovery probe, if one is due; else sets its next wake. May finish the host. */
bool discovery_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out);
bool neighbours_next(struct engine *e, int64_t now_ns, struct probe *out);
int64_t neighbours_wake(const struct engine *e);
void neighbour_learnt(struct engine *e, const struct addr *addr, const uint8_t *mac, int64_t at_ns);
/* Some packet proves that the host is up. Tells so once, and goes on to the ports. */
void host_is_up(struct engine *e, struct host *host, const char *reason, const struct reply *reply, int64_t sent_ns,
                int64_t at_ns);
void host_is_gone(struct engine *e, struct host *host, const char *reason, const struct addr *from, int64_t at_ns);
void discovery_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns);
void discovery_unresolved(struct engine *e, struct host *host, int64_t now_ns);

/* presence.c */
enum presence_turn {
	PRESENCE_ASK_PORTS,
	PRESENCE_CHECKS,   /* the probe asks whether it is there */
	PRESENCE_WAITS,    /* for that, until wake_ns */
	PRESENCE_GIVEN_UP, /* it has been away for too long */
	PRESENCE_STUCK,    /* it is there, and its ports say nothing any more */
};
/* found: the reply that showed that it is up; NULL: none did (-Pn). */
void presence_init(struct presence *presence, const struct reply *found, int64_t now_ns);
/* One of its ports was asked. */
void presence_asked(struct presence *presence);
/* How long nothing is asked after the last group of asks, since ports that used to refuse have been silent for so long. */
int64_t presence_rest(const struct presence *presence, int64_t now_ns);
/* A packet of the host itself came and verified; from_port: it answers, or refuses, a question to a port. */
void presence_heard(struct engine *e, struct host *host, bool from_port, int64_t at_ns);
/* A router says that there is no way to the host, which was up: true as long as that is probably so, and says nothing about a port. */
bool presence_doubts(struct engine *e, struct host *host, int64_t at_ns);
/* Something came from the host at since_ns or later; else it is asked whether it is there. True also when it cannot be asked. */
bool presence_confirmed(struct host *host, int64_t since_ns, int64_t now_ns);
/* That attempt of the discovery's questions was a check, from which no loss is learnt. */
bool presence_is_check(const struct host *host, uint16_t attempt);
/* Whose turn it is; *wake_ns: when to ask again at the latest, if that matters. */
enum presence_turn presence_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out,
                                 int64_t *wake_ns);

/* portscan.c */
/* What a verified reply to a port says. */
struct verdict {
	enum port_state state;
	const char *reason;
	struct addr from;
	uint16_t from_port;
	bool by_target; /* an ICMP error of the target itself: it took a token */
	bool weak;      /* a UDP answer whose content proves nothing */
};
bool portscan_start(struct engine *e, struct host *host, int64_t now_ns);
/* Everything that is not settled from the beginning: the host was away, and all its silences may mean that. */
void portscan_restart(struct portscan *scan, int64_t now_ns);
/* The host itself refused that port, perhaps asked so long ago that nothing more is known of the ask: from now on it can be asked for that. */
void portscan_refuses(struct portscan *scan, uint32_t slot);
void portscan_free(struct portscan *scan);
bool portscan_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out);
void portscan_reply(struct engine *e, struct host *host, struct lane *lane, uint32_t slot, uint16_t attempt,
                    const struct verdict *verdict, const struct reply *reply, int64_t at_ns);
void portscan_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns);
void portscan_unresolved(struct engine *e, struct host *host, int64_t now_ns);
/* Seconds that the rest will take by the limit learnt; 0 when there is no limit. */
double portscan_remaining_s(const struct portscan *scan);
/* ICMP errors a second that all lanes together get, as learnt; 0 when there is no limit. */
double portscan_rate(const struct portscan *scan);
/* The lane of that source address; NULL: none. */
struct lane *portscan_lane(struct portscan *scan, const struct addr *source);
/* The port has this state now, and it is told; also when later evidence outweighs what was told before. */
void settle(struct engine *e, struct host *host, struct port_slot *slot, const struct verdict *verdict,
            const struct reply *reply, int64_t sent_ns, int64_t at_ns);
void settle_silent(struct engine *e, struct host *host, struct port_slot *slot, const char *reason, int64_t at_ns);
int64_t ask_timeout(const struct lane *lane);

/* answers.c */
/* A verified answer of the port: reads it, and compares it with the others to the same ask. True when more is known of the service than
 * before. sent_ns 0: not known. */
bool answers_take(struct engine *e, struct host *host, struct lane *lane, struct port_slot *slot, uint16_t attempt,
                  const struct reply *reply, int64_t sent_ns, int64_t at_ns);
/* Puts what is known of the service into an event about the open port, and remembers the event. */
void answers_attach(struct host *host, const struct port_slot *slot, struct event *event);
/* Tells an open port again, with what is known now. */
void answers_tell(struct engine *e, struct host *host, const struct port_slot *slot, int64_t at_ns);
/* An error came to an ask that was answered: if by the host itself, that is a contradiction. */
void answers_refused(struct engine *e, struct host *host, const struct port_slot *slot, uint16_t attempt,
                     const struct verdict *verdict, int64_t at_ns);
/* Something came back to a probe whose checksum was wrong. */
void answers_bad_checksum(struct engine *e, struct host *host, const struct port_slot *slot, const char *reason,
                          int64_t at_ns);
/* An answer that no question to its sender explains: does it prove that it saw one to another host? Then that is noted. */
bool answers_stranger(struct engine *e, const struct reply *reply, int64_t at_ns);
/* What open ports have not been asked yet: their other payloads, and a second source port where the server tells ours. */
bool answers_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out, int64_t *wake_ns);
/* Until when answers that contradict the first may still come; 0: no port answered. */
int64_t answers_until(const struct portscan *scan);
/* Notes about the host as a whole, before it is finished. */
void answers_finish(struct engine *e, struct host *host, int64_t now_ns);
void answers_free(struct portscan *scan);

/* mtu.c */
/* Begins to observe the path to a host that is up. False: no observations, or no memory. */
bool mtu_start(struct engine *e, struct host *host, int64_t now_ns);
void mtu_free(struct host *host);
bool mtu_under_way(const struct host *host);
/* No port will be found closed any more. */
void mtu_ports_done(struct host *host, int64_t now_ns);
/* The next frame, if one is due; else sets host->mtu_wake_ns. Tells what was found when it is done. */
bool mtu_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out);
void mtu_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns);
/* An echo reply, an ICMP error: false when it answers none of the observation's asks. */
bool mtu_echo(struct engine *e, struct host *host, const struct reply *reply, int64_t at_ns);
bool mtu_error(struct engine *e, struct host *host, const struct icmp_row *row, const struct reply *reply,
               int64_t at_ns);
/* A fragmentation-needed about the host that quotes no probe of ours. */
void mtu_stray_claim(struct engine *e, struct host *host, const struct reply *reply, int64_t at_ns);
/* A fragment. True: it made a datagram whole, which is in *whole (its bytes in *datagram). */
bool mtu_fragment(struct engine *e, const struct reply *reply, int64_t at_ns, struct reply *whole,
                  struct datagram *datagram);
/* What was found, once; ends the observation. */
void mtu_tell(struct engine *e, struct host *host, int64_t at_ns);

/* quotes.c */
/* The quote of an error that verified, about that ask: what was altered on the way is noted. */
void quote_verified(struct engine *e, struct host *host, const struct ask *ask, const struct reply *reply,
                    int64_t at_ns);
/* The quote of an error about a port, asked by that lane, that did not verify. */
void quote_rejected(struct engine *e, struct host *host, const struct lane *lane, const struct reply *reply,
                    int64_t at_ns);

/* router.c */
/* A router, not the host itself, refused an ask sent at sent_ns. */
void router_refused(struct engine *e, struct portscan *scan, const struct addr *addr, int64_t sent_ns);
/* When the last ask was sent, of any host, that the router refused which refuses ports of this one; 0: none does. */
int64_t router_last(const struct engine *e, const struct portscan *scan);
/* When that router surely has an error to give again. */
int64_t router_quiet(const struct engine *e, const struct portscan *scan);

/* asklog.c: the order of asks, and what refusals prove about the asks before them */
struct log_entry *asklog_entry(struct lane *lane, uint32_t number);
/* Appends; may forget the oldest. */
struct log_entry *asklog_push(struct lane *lane, int64_t now_ns);
/* The entry of that attempt at the port; NULL when it is forgotten. */
struct log_entry *asklog_find(struct lane *lane, const struct port_slot *slot, uint16_t attempt, uint32_t *number);
/* Takes the entry out of what is outstanding. */
void asklog_close(struct lane *lane, struct log_entry *entry);
/* Nothing will come of that ask: it times out now. */
void asklog_in_vain(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t now_ns);
/* Times out what is due; draws the conclusions from silence. */
void asklog_expire(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns);
/* Some ports of a silence are to be asked once more, with a sentinel behind them. */
void check_begin(struct lane *lane, int64_t tail_ns);
/* An ask that is part of a check was refused, or timed out. */
void check_answered(struct lane *lane, const struct log_entry *entry, bool refused);
/* An ask that is part of a check could not be sent. */
void check_not_sent(struct lane *lane, const struct log_entry *entry);
/* Refusal `number` arrived: the asks in front of it were asked while there was a token. */
void asklog_prove(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns);
/* Entry `number` stayed silent, and `level` tokens were surely there by the count: whether that promised it one. */
void asklog_promise(struct lane *lane, uint32_t number, double level);
/* Entry `number` was refused, and all that was sent before it is known: where the count is sure, it proves the silence of those asks just
 * before it that had a token. */
void asklog_prove_counted(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns);
/* The limit is one of the table, every token that came or was taken has been counted, and none was lost sight of (proof.c says more). */
bool counts_surely(const struct lane *lane);
/* The same but for errors that may have been lost, with their tokens: good enough for the last group, whose sentinel shows how it is. */
bool counts_nearly(const struct lane *lane);
/* The level at which the last group is asked. */
double ending_level(const struct lane *lane);
/* The level from which on an ask finds a token by the count, whatever the path does to the order. */
double promise_level(const struct lane *lane);
/* A port was refused: one more for the share of closed ports. */
void weigh_closed(struct lane *lane);
/* The port is silent, as it seems: one more of those for that share, once. */
void weigh_silent(struct lane *lane, struct port_slot *slot);
/* Copies of an ask so long apart are all proved by one refusal. */
int64_t near_copy_ns(const struct lane *lane);
/* Estimates that follow from the verdicts so far. */
double closed_share(const struct lane *lane);
/* Probability that a port is closed: of all ports that share is, and with probability `silence` one of these gives such silences as
 * this one, those that were proved not counted. */
double closed_after(const struct lane *lane, const struct port_slot *slot, double share, double silence);
/* The same, of all that is known; where errors come one at a time interval_share() knows more. */
double refusal_expected(const struct lane *lane, const struct port_slot *slot);
uint32_t asks_needed(const struct engine *e, const struct lane *lane);
/* How many more proved silences make the port open|filtered; 0: it is. */
uint32_t silences_missing(const struct engine *e, const struct lane *lane, const struct port_slot *slot);
/* Asks of the port in this round about which nothing is proved yet; those of an earlier round will never be proved. */
uint8_t unproven_asks(const struct lane *lane, const struct port_slot *slot);
/* Packets closer together than this may have overtaken each other: their order proves nothing. */
int64_t order_gap(const struct lane *lane);
/* Asks are sent further apart than a proof demands, so that the estimate may grow a little in between. */
int64_t send_gap(const struct lane *lane);
/* Whether a proof also needs a refusal just before the asks (because tokens may come in lumps: windowed limiters). */
bool needs_lead(const struct lane *lane);
/* An ask sent at lost_ns was lost although the host has errors to give: fewer at a time (congestion). False: there are few already, so
 * it is not that. */
bool back_off(struct lane *lane, int64_t lost_ns);
/* Something was settled or proved: the way of asking works. */
void made_progress(struct lane *lane);
/* A refusal or an empty bucket that told nothing new. */
void made_no_progress(struct lane *lane);
/* The model of the limit leads nowhere: from now on a pause before each group of asks. */
void become_patient(struct lane *lane);
/* How long before an ask the refusal in front of it may lie. */
int64_t lead_window(const struct lane *lane);
/* How many refusals behind an ask prove that there was a token for it. 0: order proves nothing on this path (it jitters too much
 * for the rate of the limit); then only a full bucket does. */
uint32_t refusals_for_proof(const struct lane *lane);
/* The path jitters too much for the rate of the limit, so that no row of refusals proves anything. */
bool order_proves_nothing(const struct lane *lane);
/* The level of the bucket at which asks that are to prove something are sent. */
double proof_level(const struct lane *lane);

/* proof.c */
/* The silence of the ask can still be proved by a refusal behind it. */
bool may_be_proved(const struct lane *lane, const struct log_entry *entry);
/* Refusal number `refusal` proves that silence, or will when the ask times out. */
void prove(struct engine *e, struct host *host, struct lane *lane, struct log_entry *entry, uint32_t refusal,
           int64_t at_ns);
/* The ask stayed unanswered, and refusal entry->bracket shows that a token was there for it. */
void count_silence(struct engine *e, struct host *host, struct lane *lane, const struct log_entry *entry,
                   int64_t at_ns);

/* check.c */
/* Asks up to sent_ns showed that no token was there. */
void bucket_is_empty(struct lane *lane, int64_t sent_ns);

/* queues.c */
/* The lane is the one that the port belongs to. */
void set_stage(struct lane *lane, struct port_slot *slot, enum port_stage stage);
void enqueue(struct lane *lane, struct port_queue *queue, struct port_slot *slot);
/* Takes the head out; the queue must not be empty. */
struct port_slot *dequeue(struct lane *lane, struct port_queue *queue);
/* The head, after ports settled meanwhile are taken out and proved silences moved to the suspects. NULL: empty. */
struct port_slot *head(struct lane *lane, struct port_queue *queue);
/* The head goes to the end; the queue must not be empty. */
void rotate(struct lane *lane, struct port_queue *queue);
/* The head of those silent so far, or all of them, join the suspects, though nothing is proved about them. */
void suspect_head(struct lane *lane);
void suspect_all(struct lane *lane);
/* Suspects about which nothing is proved go back to those silent so far. */
void unsuspect_unproved(struct lane *lane);
/* The next port never asked; NULL: none. */
struct port_slot *fresh_head(struct lane *lane);

/* asking.c: what to ask this host next */
/* The port is asked again at once, whatever the limit: it answers, so that it takes no token. */
void queue_urgent(struct lane *lane, struct port_slot *slot);
bool asking_next(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, struct probe *out,
                 int64_t *wake_ns);
void queue_push(struct lane *lane, struct port_slot *slot);
/* Nothing comes back to that source any more, while another one hears: it asks no more, and its ports go to the others. */
bool lane_is_deaf(const struct lane *lane);
/* A lane that has run out of ports takes over one that waits in the longest queue of the others. */
bool asking_take_over(struct lane *lane);
/* Every unsettled port got all the tries that make sense on a host that refuses nothing. */
bool asking_exhausted(const struct engine *e, const struct lane *lane);

#endif
