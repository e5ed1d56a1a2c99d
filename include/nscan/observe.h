/* observe.h: a report from packets that somebody else sent and received.
 *
 * The observer is to a capture what the engine (engine.h) is to the wire: decoded packets and their times in, events out, no
 * I/O, no clock, no randomness. Who was asked and who answered is worked out from the packets:
 *
 *   a datagram that an ICMP error quotes     a probe, be the probe itself in the capture or not
 *   a UDP datagram and the reversed ports    a probe and its answer; TFTP answers from another port (RFC 1350 4)
 *   ARP, neighbour discovery, echo,          who is up; unanswered ones: who is not
 *   timestamp and TCP SYN with their answers
 *   too-big messages and fragments           what the path carries
 *
 * In ordinary chatter the side with the service is the one that was asked: by the content where the protocol says so (DNS, NTP,
 * DHCP, IKE), by well-known against ephemeral port, and where both are alike by who spoke first. States, reasons and what
 * outweighs what are those of a scan. What a capture cannot prove (an answer to nothing that was asked, a quote of a datagram
 * that was never sent) is counted as rejected.
 *
 * Memory is bounded by hosts and ports, not by packets; the packets may come out of order. */
#ifndef NSCAN_OBSERVE_H
#define NSCAN_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/decode.h"
#include "nscan/err.h"
#include "nscan/event.h"
#include "nscan/ports.h"
#include "nscan/targets.h"

struct observer;

struct observer_config {
	const struct target_set *targets; /* borrowed, as all pointers here; NULL or empty: whoever was asked */
	const struct target_set *exclude; /* may be NULL */
	const struct port_list *ports;    /* NULL: every port that was asked */
	bool hosts_only;                  /* -sn: no events about ports */
	/* Events come as things become known, hosts in the order in which they were asked; else all come after observer_finish,
	 * hosts in the order of their addresses. What silence means is told at the end either way. */
	bool follow;
};

struct observer_summary {
	uint64_t asked;    /* probes: what was asked of hosts that are reported, by all sides together */
	uint64_t answered; /* replies that were believed */
	uint64_t rejected; /* replies that answer nothing in the capture */
	uint64_t hosts_up, hosts_down, hosts_unknown; /* of those reported */
	bool has_times;
	int64_t first_ns, last_ns; /* the earliest and the latest packet */
	bool one_way;       /* nothing that went back to those who asked is in the capture: silence means little */
	bool out_of_memory; /* or more hosts or ports than are kept: the results are incomplete */
};

/* NULL with *err set when memory ran out. */
struct observer *observer_new(const struct observer_config *config, struct err *err);
void observer_free(struct observer *observer);
/* A decoded packet (kind other than REPLY_NONE), captured at at_ns on any clock. */
void observer_receive(struct observer *observer, const struct reply *reply, int64_t at_ns);
/* The capture has ended: silence becomes evidence, and every host is told whole. Nothing may be received afterwards. */
void observer_finish(struct observer *observer);
/* The next event not yet taken. Before observer_finish only with `follow`. */
bool observer_next_event(struct observer *observer, struct event *out);
/* After observer_finish: the ports that are reported of any host. False: memory ran out. */
bool observer_ports(const struct observer *observer, struct port_list *out);
/* Whole after observer_finish and after the last event was taken. */
void observer_summarise(const struct observer *observer, struct observer_summary *out);

#endif
