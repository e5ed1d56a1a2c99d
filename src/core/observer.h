/* observer.h: what the files of the observer (observe*.c) share: the tables of hosts, ports and conversations. */
#ifndef NSCAN_CORE_OBSERVER_H
#define NSCAN_CORE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event_ring.h"
#include "nscan/observe.h"
#include "nscan/reassembly.h"
#include "nscan/wire.h"

#define NONE UINT32_MAX /* no index */
#define MS   INT64_C(1000000)

/* How a host was asked; a set of bits. */
enum question {
	ASKED_LINK = 1, /* ARP or neighbour solicitation */
	ASKED_ICMP = 2, /* echo or timestamp request */
	ASKED_UDP = 4,
	ASKED_TCP = 8,     /* SYN */
	ASKED_QUOTED = 16, /* an ICMP error is about a datagram sent to it */
};

/* What is known of an address, be it asked or asking. */
struct seen_host {
	struct addr addr;
	uint32_t first_port; /* of its ports, a list through seen_port.next; NONE: none */
	uint32_t log;        /* index of its first ask log; NONE: none */
	uint32_t path;       /* index of what is known of the path to it; NONE: nothing */
	uint32_t ordinal;    /* place in the order of reports, when told */
	uint8_t asked;       /* enum question bits */
	uint8_t answered;    /* bits of the kinds of questions that were answered */
	bool wanted : 1;     /* a target, as far as the selection goes */
	bool told : 1;       /* an event about it was given out */
	bool up : 1;
	bool alive : 1;     /* it sent something of its own: not an answer, but it is there */
	bool asks_seen : 1; /* datagrams to its ports are in the capture, not only quotes of them */
	bool echo_seen : 1; /* so are echo or timestamp requests to it */
	bool silence_counts : 1; /* an unanswered ARP request for it was sent from where the capture would have shown the answer */
	bool has_mac : 1;
	bool two_macs : 1; /* two stations answer ARP for it */
	bool has_rtt : 1;
	bool has_ttl : 1;
	bool gone : 1;  /* a router says that it cannot be reached */
	bool heard : 1; /* something was sent to it: an asker whose answers the capture would show */
	uint8_t ttl;
	uint8_t mac[MAC_BYTES];
	uint8_t other_mac[MAC_BYTES];
	uint8_t askers[2][MAC_BYTES]; /* stations that asked for it by ARP */
	uint8_t asker_count;
	const char *reason;      /* why it is up; NULL: it is not */
	const char *gone_reason; /* what a router said, and who */
	uint32_t gone_from;
	uint32_t from;         /* host that proves it, when not itself; NONE */
	int64_t link_asked_ns; /* the last ARP request or solicitation ... */
	uint16_t link_asks;    /* ... of so many since the last answer */
	uint16_t duplicates;   /* echo replies that came again */
	int64_t rtt_ns;
	int64_t up_ns;
	/* The newest UDP question to it: an answer from another port belongs to it if that client port asked nothing else. */
	uint32_t last_client;
	uint32_t last_port; /* index */
	int64_t last_asked_ns;
	uint16_t last_client_port;
	bool last_is_shared;
	/* Its own ports that it is known to ask from. */
	uint16_t client_ports[2];
};

/* Which evidence outweighs which. Between equals the first holds, but for where a datagram's time ran out: that is the last. */
enum weight { WEIGHT_NONE, WEIGHT_EXPIRED, WEIGHT_ROUTER, WEIGHT_TARGET, WEIGHT_ANSWER };

/* One piece of evidence about a port. */
struct finding {
	enum port_state state;
	enum weight weight;
	const char *reason;
	uint32_t from;   /* host that sent it, when not the target; NONE */
	uint32_t client; /* who had asked */
};

struct seen_port {
	uint32_t host;
	uint32_t next; /* of the same host */
	uint16_t port;
	uint16_t from_port; /* the answer's port, when not the same */
	uint8_t ttl;
	bool has_ttl : 1;
	bool has_rtt : 1;
	bool nat : 1;     /* a quote shows that somebody rewrites the datagrams */
	bool unasked : 1; /* believed although the question is not in the capture */
	bool told : 1;
	uint32_t told_asks; /* what was known when it was told */
	uint8_t told_readings;
	struct finding finding;
	struct finding other; /* the first evidence that does not agree */
	int64_t at_ns;        /* when the finding came */
	int64_t rtt_ns;
	uint32_t asks;
	uint32_t quoted;     /* errors that quote a question that is not in the capture */
	uint32_t duplicates; /* answers that came again though nothing was asked again */
	uint32_t strays;     /* datagrams from it that answer nothing in the capture */
	uint32_t stray_client;
	uint32_t
	        strays_answer; /* index of the port that was asked from where they went: they may be its answers; NONE */
	int64_t stray_ns;
	uint8_t stray_ttl;
	uint32_t last_client;
	uint16_t last_client_port;
	uint32_t log_entry; /* its newest entry in the ask log of last_client */
	uint16_t logged;
	uint8_t readings;                /* answers read so far */
	struct service_reading *reading; /* what they say; NULL: nothing was read */
	double doubt_log;                /* logarithm of the chance that its silence is that of a closed port */
};

/* A question in the log of one asker's questions to one host: the order is what silence is judged by. */
struct asked_entry {
	int64_t at_ns;
	uint32_t port; /* index */
	bool refused;  /* the host itself sent an ICMP error for it */
};

struct ask_log {
	uint32_t client;
	uint32_t next; /* of the same host; NONE: last */
	uint32_t count, capacity;
	struct asked_entry *entries;
	uint32_t refusals;
};

/* A conversation between a client's port and a server's port; ICMP requests have their identifier and sequence there. */
enum flow_kind { FLOW_FREE, FLOW_UDP, FLOW_ECHO, FLOW_TIMESTAMP };
struct flow {
	int64_t asked_ns; /* newest question; of a stray: the answer */
	uint32_t client, server;
	uint16_t client_port, server_port;
	uint16_t ip_id, checksum, bytes; /* of the newest question: what a quote has to show */
	uint16_t answer_id, answer_checksum, answer_bytes;
	uint16_t pending; /* questions since the last answer */
	uint8_t kind;
	bool answered : 1;
	bool again : 1;    /* asked more than once, so that quotes may be of any of them */
	bool transfer : 1; /* goes on from another port than was asked: all of it belongs to that question */
	bool stray : 1;    /* an answer whose question was not seen (yet) */
};

/* What is known of the path to a host. */
struct seen_path {
	uint32_t host;
	uint32_t claimed_by; /* host that sent a too-big message */
	int64_t claimed_ns;
	uint32_t claimed_mtu;      /* what it said; 0: nobody did */
	bool pending : 1;          /* a question waits for its answer: */
	bool asked_fragmented : 1; /* ... it went in fragments */
	bool to_asked : 1;         /* some question went in fragments */
	bool to_pass : 1;          /* ... and was answered */
	bool to_fail : 1;          /* the host says that fragments are missing */
	bool from_pass : 1;        /* an answer came in fragments */
	uint32_t pending_bytes;    /* ... its largest piece had that size, IP header included */
	uint32_t largest_answered; /* after the claim */
};

/* Addresses of hosts and (host, port) pairs to their index: open addressing, powers of two. */
struct index_table {
	uint32_t *slots; /* index + 1; 0: free */
	size_t capacity;
};

struct observer {
	struct observer_config config;
	struct seen_host *hosts;
	uint32_t host_count, host_capacity;
	struct index_table host_table;
	struct seen_port *ports;
	uint32_t port_count, port_capacity;
	struct index_table port_table;
	struct ask_log *logs;
	uint32_t log_count, log_capacity;
	struct seen_path *paths;
	uint32_t path_count, path_capacity;
	struct flow *flows;
	uint32_t flow_sets;
	size_t flow_count;
	uint64_t flows_evicted; /* that still waited for an answer */
	struct reassembly *reassembly;
	uint8_t group_asked[65536 / 8]; /* ports that were asked by multicast or broadcast */

	/* Stations that every frame so far was sent to or from: where the capture was made. */
	uint8_t stations[2][MAC_BYTES];
	int station_count; /* -1: no frame yet */

	bool has_times;
	int64_t first_ns, last_ns;
	uint64_t asked, answered, rejected;
	uint64_t mirrored; /* packets that were captured twice */
	bool out_of_memory;
	bool finished;
	uint32_t next_ordinal;
	uint64_t hosts_up, hosts_down, hosts_unknown;

	struct event_ring events;
	uint32_t *order; /* after the end: hosts to be told ... */
	uint32_t order_count, order_next;
	uint64_t *host_ports; /* ... and the ports of the one whose turn it is: number and index */
	size_t host_ports_capacity;
};

/* observe_tables.c */
bool tables_init(struct observer *o);
void tables_free(struct observer *o);
/* Index of the host: found, or NONE. */
uint32_t host_lookup(const struct observer *o, const struct addr *addr);
/* Found or made; NONE when memory ran out. Pointers into the tables do not survive. */
uint32_t host_make(struct observer *o, const struct addr *addr);
uint32_t port_lookup(const struct observer *o, uint32_t host, uint16_t port);
uint32_t port_make(struct observer *o, uint32_t host, uint16_t port);
uint32_t path_make(struct observer *o, uint32_t host);
/* A UDP question goes into the log of that asker; on memory shortage it does not. */
void log_ask(struct observer *o, uint32_t port, uint32_t client, int64_t at_ns);
/* The newest question before at_ns that this asker had asked was refused by the host itself. */
void log_refusal(struct observer *o, uint32_t port, uint32_t client, int64_t at_ns);

/* observe_flow.c */
bool flows_init(struct observer *o);
/* The conversation, whoever of the two is its client; NULL: not seen, or forgotten. */
struct flow *flow_find(struct observer *o, enum flow_kind kind, uint32_t a, uint16_t a_port, uint32_t b,
                       uint16_t b_port);
/* A new one; an old one gives way. */
struct flow *flow_new(struct observer *o, enum flow_kind kind, uint32_t client, uint16_t client_port, uint32_t server,
                      uint16_t server_port, int64_t at_ns);

/* observe.c */
/* The host was asked. Returns false when it is none of the targets. */
bool host_asked(struct observer *o, uint32_t host, enum question how);
/* A packet proves that the host is up. */
struct proof {
	const char *reason;
	uint32_t from; /* NONE: the host itself */
	int64_t at_ns;
	bool has_rtt;
	int64_t rtt_ns;
	bool has_ttl;
	uint8_t ttl;
	const uint8_t *mac; /* NULL: not known */
};
void host_proved(struct observer *o, uint32_t host, const struct proof *proof);
void reject(struct observer *o);
/* An echo request or reply; fragment_bytes as in observe_udp. */
void observe_echo(struct observer *o, const struct reply *reply, uint32_t fragment_bytes, int64_t at_ns);

/* observe_udp.c */
/* fragment_bytes: the datagram came in pieces, the largest of that IP length; 0: it came whole. */
void observe_udp(struct observer *o, const struct reply *reply, uint32_t fragment_bytes, int64_t at_ns);
/* They say the same. */
bool findings_agree(const struct finding *a, const struct finding *b);
/* Evidence about a port. */
void port_found(struct observer *o, uint32_t port, const struct finding *finding, int64_t at_ns);

/* Datagrams of this port were the answers to another one that was asked (RFC 1350 4). */
void port_answered_from(struct observer *o, uint32_t stray);

/* What the datagram says about the service that sent it. */
void port_read(struct observer *o, uint32_t port, const struct reply *reply);

/* observe_error.c */
void observe_error(struct observer *o, const struct reply *reply, int64_t at_ns);

/* observe_path.c */
void observe_fragment(struct observer *o, const struct reply *reply, int64_t at_ns);
void path_too_big(struct observer *o, uint32_t host, uint32_t from, const struct reply *reply, int64_t at_ns);
void path_reassembly_failed(struct observer *o, uint32_t host);
/* A question went to the host, its largest piece of that size; or an answer came. */
void path_asked(struct observer *o, uint32_t host, uint32_t ip_bytes, bool fragmented);
/* What is to be told of the path to a host; false: nothing. */
bool path_event(const struct observer *o, uint32_t host, struct mtu_event *out);
void path_answered(struct observer *o, uint32_t host, bool fragmented);

/* observe_proof.c: what silence means, from the order of questions and refusals. */
struct limit_found {
	bool clear;
	double rate; /* errors a second */
	double most; /* the rate is certainly not higher */
	double burst;
};
/* Sorts the log, finds the limit that it shows, and adds to the doubts about every silent port of it. */
void judge_silence(struct observer *o, struct ask_log *log, struct limit_found *limit);

/* observe_tell.c */
void tell_host(struct observer *o, uint32_t host, int64_t at_ns);
void tell_port(struct observer *o, uint32_t port, int64_t at_ns);
/* What is to be said of the host: by its answers, else by silence, routers and other traffic. */
struct host_event host_judged(const struct observer *o, const struct seen_host *host);
/* Whether it was asked, and is one of those that are wanted. */
bool host_is_reported(const struct observer *o, const struct seen_host *host);
bool port_is_reported(const struct observer *o, const struct seen_port *port);
/* Fills the queue with everything about the next host; false when every host was told. */
bool tell_next(struct observer *o);

#endif
