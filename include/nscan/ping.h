/* ping.h: one UDP port, or one host by ICMP echo, asked again and again: --ping. Pure: time and replies in, packets and events out.
 *
 * Words. A probe is one line of the report: a sequence number and a source port. It is asked by one packet, and by further ones
 * while it stays silent, each with twice the patience of the one before. Every packet has an identity of its own
 * (nscan/probe.h), so that a reply tells which of them it answers, and its round trip is never taken for another's.
 *
 * Loss is counted in packets: that is what a network loses, and it does not depend on how often a probe is repeated. Whether a
 * source port gets through is a question about probes.
 *
 * How it is driven, in this order, as often as ping_wake says or something came in:
 *     while (ping_expire(ping, now, &event))    tell the event
 *     while (ping_next_packet(ping, now, &p))   send p
 *     ... ping_receive(ping, reply, at, &event) for each packet received: tell the event when it returns true */
#ifndef NSCAN_PING_H
#define NSCAN_PING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/decode.h"
#include "nscan/err.h"
#include "nscan/network.h"
#include "nscan/payload.h"
#include "nscan/probe.h"

/* The packets last sent that a late reply can still be told for, retries of one probe, and how long patience may grow. */
enum { PING_PACKETS_KEPT = 65536, PING_RETRIES_MOST = 10, PING_PATIENCE_MOST_S = 60 };

/* Everything is copied but what the pointers lead to, which is borrowed. */
struct ping_config {
	struct addr dst;
	struct path path;             /* to it */
	uint16_t port;                /* 0: ICMP echo */
	const uint16_t *source_ports; /* UDP: used in turn, at least one */
	size_t source_port_count;
	uint32_t count;       /* probes; 0: until the caller stops */
	int64_t interval_ns;  /* between two probes */
	int64_t timeout_ns;   /* patience with a probe's first packet; 0: from the round trips seen */
	uint32_t max_retries; /* at most PING_RETRIES_MOST */
	/* Repeat more often than that where so many packets get lost that a silent probe would prove nothing (see rtt.h). */
	bool repeat_as_needed;
	/* Key, ttl, tos and checksum rules of the packets; source ports and `data` are not used. */
	struct probe_settings probe;
	const struct payload *payload; /* what to say; NULL: the stamped payload of ping_payload.h */
	size_t data_bytes;             /* length of the stamped payload, PING_STAMPED_LEAST to PAYLOAD_MAX_BYTES */
};

/* What became of a probe, from the least telling to the most: a later and better reply replaces what was thought before. */
enum ping_result {
	PING_WAITING,      /* not settled yet; never in an event */
	PING_NOTHING,      /* no reply to any of its packets */
	PING_NOT_SENT,     /* the kernel took none of its packets */
	PING_NO_NEIGHBOUR, /* nobody answered ARP for the next hop */
	PING_ERROR,        /* an ICMP error other than the target's port-unreach: see icmp_name, from */
	PING_REFUSED,      /* the target's own port-unreach: it is there, the port is closed */
	PING_ANSWER,       /* something else than what was sent */
	PING_ALTERED,      /* what was sent, with bytes changed or added */
	PING_TRUNCATED,    /* the beginning of what was sent */
	PING_ECHO,         /* what was sent, byte for byte */
	PING_RESULT_COUNT,
};

/* "echo", "answer", "refused", "nothing", ...: for machines. Static. */
const char *ping_result_name(enum ping_result result);

struct ping_event {
	enum ping_result result;
	uint32_t sequence;
	uint32_t tries;    /* packets sent for the probe so far */
	uint32_t attempt;  /* which of them was answered, from 1; 0: none */
	uint16_t src_port; /* 0: ICMP echo */
	int64_t at_ns;
	bool has_rtt;
	int64_t rtt_ns;        /* of the packet that was answered; without one, how long was waited */
	bool duplicate;        /* the same packet was answered before */
	bool again;            /* another packet of this probe was answered already */
	bool late;             /* came after its time had run out */
	bool reordered;        /* a packet sent later was answered before */
	bool proved;           /* the reply carries what only who saw the packet can know */
	struct addr from;      /* who sent the reply; none when there is none */
	uint16_t from_port;    /* UDP */
	const char *icmp_name; /* static: "port-unreach", "host-unreach"; NULL: no ICMP error */
	uint8_t ttl;           /* of the reply */
	size_t bytes;          /* of the answer's data */
	size_t first_wrong;    /* PING_ALTERED: place of the first byte that differs */
	size_t wrong_bytes;    /* and how many differ or were added */
};

/* Round trips of one sort of reply. */
struct ping_times {
	uint64_t count;
	int64_t min_ns;
	int64_t max_ns;
	double mean_ns;
	double squares; /* sum of squared differences from the mean (Welford) */
};

/* ping(8)'s "mdev": the standard deviation of all round trips. 0 without any. */
int64_t ping_times_mdev(const struct ping_times *times);

struct ping_stats {
	uint64_t probes;
	uint64_t results[PING_RESULT_COUNT]; /* probes by what is known of them now */
	uint64_t packets;                    /* that the kernel took */
	uint64_t retransmissions;            /* of them */
	uint64_t received;                   /* packets that got an answer or the target's refusal */
	uint64_t errors;                     /* packets that got another ICMP error, and no answer */
	uint64_t waiting;                    /* packets whose time has not run out */
	uint64_t duplicates;
	uint64_t late;
	uint64_t reordered;
	uint64_t rejected;  /* packets to us that prove no connection with the ping */
	uint64_t fragments; /* pieces of larger datagrams from the target: not put together */
	uint64_t send_errors;
	struct ping_times answers;
	struct ping_times refusals;
};

/* Packets whose time ran out without an answer or a refusal. */
uint64_t ping_stats_lost(const struct ping_stats *stats);
/* Probes that got an answer of whatever kind, and those with that or a refusal. */
uint64_t ping_stats_answered(const struct ping_stats *stats);
uint64_t ping_stats_replied(const struct ping_stats *stats);

/* What one source port has seen. */
struct ping_port {
	uint16_t port;
	uint32_t probes;   /* settled ones */
	uint32_t replied;  /* of them, with an answer or a refusal */
	uint32_t packets;  /* that the kernel took */
	uint32_t received; /* of them, answered or refused */
};

/* The loss, in percent, of what is no longer waited for; of the packets from source ports that are not silent where there are several.
 * Negative: there is nothing to tell it by. */
double ping_loss_percent(const struct ping_stats *stats);
double ping_loss_percent_elsewhere(const struct ping_stats *stats, const struct ping_port *ports, size_t count);
/* None of its probes that are settled got an answer or a refusal. */
bool ping_port_is_silent(const struct ping_port *port);

struct ping;

/* NULL with *err set when memory ran out. ping_free releases. */
struct ping *ping_new(const struct ping_config *config, int64_t now_ns, struct err *err);
void ping_free(struct ping *ping);
/* The next packet that is due: an ARP request for the next hop, a probe, or its repetition. Valid until the next call. False when
 * none is due at now_ns. */
bool ping_next_packet(struct ping *ping, int64_t now_ns, struct probe *out);
/* The next probe whose time has run out. */
bool ping_expire(struct ping *ping, int64_t now_ns, struct ping_event *out);
/* Takes any packet received. True when *out tells something new. */
bool ping_receive(struct ping *ping, const struct reply *reply, int64_t at_ns, struct ping_event *out);
/* The packet with that cookie could not be sent; its probe is repeated as if it had been lost. */
void ping_send_failed(struct ping *ping, uint64_t cookie);
/* When ping_expire or ping_next_packet has something to do; INT64_MAX: never. */
int64_t ping_wake(const struct ping *ping);
/* All probes are sent and settled. */
bool ping_done(const struct ping *ping);
const struct ping_stats *ping_statistics(const struct ping *ping);
/* One for each source port, in the order of the configuration; *count says how many. None for ICMP echo. */
const struct ping_port *ping_ports(const struct ping *ping, size_t *count);
/* The settings with which the packets are made, for a packet trace. */
const struct probe_settings *ping_settings(const struct ping *ping);

#endif
