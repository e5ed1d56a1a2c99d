/* ping_internal.h: shared by the files of --ping and by nobody else.
 *
 *   ping.c        what is sent and when, and what has waited long enough
 *   ping_packet.c one packet: its bytes, its identity, and the memory of those sent
 *   ping_match.c  which packet a reply answers, and what it says
 *   ping_stats.c  the counts */
#ifndef NSCAN_CORE_PING_INTERNAL_H
#define NSCAN_CORE_PING_INTERNAL_H

#include "nscan/ping.h"
#include "nscan/rtt.h"

enum packet_state {
	PACKET_FREE,    /* the slot was never used */
	PACKET_OPEN,    /* an answer is waited for */
	PACKET_LOST,    /* its time ran out */
	PACKET_ERROR,   /* an ICMP error came */
	PACKET_REPLIED, /* an answer or a refusal came */
};

enum { NO_SLOT = -1 };

/* One packet sent. */
struct ping_packet {
	uint64_t serial; /* counts all packets, from 0; the low 16 bits travel */
	int64_t sent_ns;
	int64_t due_ns; /* when it counts as lost */
	uint32_t sequence;
	uint16_t src_port;
	uint16_t nonce;
	uint16_t checksum;
	uint16_t ip_id;
	uint8_t attempt; /* 0: the first of its probe */
	uint8_t state;   /* enum packet_state */
	bool unsent;     /* the kernel would not have it */
	int32_t before;  /* its neighbours in the queue of its attempt */
	int32_t after;
};

/* One probe. */
struct ping_probe {
	uint32_t sequence; /* 0: the slot was never used */
	uint8_t result;    /* enum ping_result */
	uint8_t tries;
	int64_t begun_ns;
};

/* Open packets of one attempt, in the order in which their time runs out. */
struct ping_queue {
	int32_t first;
	int32_t last;
};

/* The next hop's hardware address. */
struct ping_neighbour {
	bool needed; /* the path has Ethernet headers */
	bool known;
	bool silent;       /* asked often enough without an answer */
	bool doubted;      /* probes stay silent: it may have changed */
	unsigned asked;    /* since the last answer */
	int64_t ask_at_ns; /* the next time */
	uint8_t mac[MAC_BYTES];
};

struct ping {
	struct ping_config config;
	size_t slots;                /* of both memories; a power of two */
	struct ping_packet *packets; /* by serial */
	struct ping_probe *probes;   /* by sequence */
	struct ping_port *ports;     /* by place in config.source_ports */
	struct ping_queue queues[PING_RETRIES_MOST + 1];
	struct ping_neighbour neighbour;
	uint64_t next_serial;
	uint32_t sequence;     /* of the last probe begun */
	int64_t next_probe_ns; /* when the next one is due */
	uint64_t newest_reply; /* serial of the latest packet answered, plus 1 */
	uint16_t echo_id;      /* ICMP identifier of this run */
	struct rtt rtt;
	struct loss loss; /* of probes that were answered */
	struct ping_stats stats;
	struct payload saying;            /* what the packet at hand says */
	uint8_t bytes[PAYLOAD_MAX_BYTES]; /* of the stamped payload */
	uint16_t port_at_hand;            /* what the settings' source_ports points to */
	struct probe_settings settings;
};

/* ping_packet.c */
/* A fresh slot for the next packet of that probe. What was in it is forgotten; it must not be open. */
struct ping_packet *ping_packet_begin(struct ping *ping, uint32_t sequence, uint8_t attempt, int64_t now_ns);
/* The packet as it leaves, or left; notes its identity. The payload lies in ping->bytes until the next call. */
void ping_packet_make(struct ping *ping, struct ping_packet *packet, struct probe *out);
/* The packet with that serial, if it is still remembered. */
struct ping_packet *ping_packet_find(const struct ping *ping, uint64_t serial);
/* The remembered packet whose serial ends in these 16 bits. */
struct ping_packet *ping_packet_by_wire(const struct ping *ping, uint16_t serial);
/* Its probe, if it is still remembered. */
struct ping_probe *ping_probe_find(const struct ping *ping, uint32_t sequence);
/* Its ask, for the probe kind. */
struct ask ping_packet_ask(const struct ping *ping, const struct ping_packet *packet);
/* Points ping->settings at what that packet says and where it comes from. */
void ping_packet_settings(struct ping *ping, const struct ping_packet *packet);
void ping_queue_add(struct ping *ping, struct ping_packet *packet, int64_t patience_ns);
void ping_queue_remove(struct ping *ping, struct ping_packet *packet);

/* ping_stats.c */
/* The counts of the packet's source port; NULL for ICMP echo. */
struct ping_port *ping_port_of(struct ping *ping, uint32_t sequence);
void ping_times_add(struct ping_times *times, int64_t rtt_ns);
/* Better knowledge about a probe replaces what was known. False when it is no better. */
bool ping_probe_settle(struct ping *ping, struct ping_probe *probe, enum ping_result result);

#endif
