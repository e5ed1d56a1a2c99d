/* probe.h: what is asked, how each probe carries its identity, and the contract of a probe kind.
 *
 * Identity (RFC 5927: ICMP errors are forgeable). Per run a random key; per probe a keyed hash over kind, source,
 * destination, port and attempt. ICMP errors are only sure to quote the IP header and 8 bytes, so the hash lives there:
 *   UDP        source port (one of the held ones), the UDP checksum (chosen through two free bytes of the payload, or, where
 *              there are none, computed), and the IP ID
 *   ICMP echo  identifier, sequence, IP ID and 8 bytes of payload
 *   timestamp  identifier, sequence, originate time, IP ID
 * Nothing is stored per probe: a reply names its question, the hash is computed again and compared. */
#ifndef NSCAN_PROBE_H
#define NSCAN_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/decode.h"
#include "nscan/hash.h"
#include "nscan/network.h"
#include "nscan/payload.h"

enum probe_kind { PROBE_ARP, PROBE_ECHO, PROBE_TIMESTAMP, PROBE_UDP, PROBE_KIND_COUNT };

enum { PADDING_BYTES = 65535 };

enum checksum_mode {
	CHECKSUM_CHOSEN, /* a verifiable value where the payload allows it: --udp-checksum auto */
	CHECKSUM_NONE,   /* 0, "not computed" (RFC 768): --udp-checksum none */
	CHECKSUM_FIXED,  /* the operator's own: --udp-checksum HEX */
};

/* What is the same for every probe of a run. The engine's configuration holds one; pointers stay the caller's. */
struct probe_settings {
	uint8_t key[HASH_KEY_BYTES];
	const uint16_t *source_ports; /* held for this run, at least one */
	size_t source_port_count;
	uint8_t ttl;
	uint8_t tos;
	enum checksum_mode checksum_mode;
	uint16_t fixed_checksum;
	bool bad_checksum; /* --badsum: send a checksum that is certainly wrong */
	const struct payload_book *payloads;
	const struct payload *data; /* --data, --data-string, --data-length: instead of the book; else NULL */
	const uint8_t *
	        padding; /* PADDING_BYTES of noise, for probes of a wanted length: no link compresses them; NULL: none */
};

/* One question to one address: what identity is computed from. */
struct ask {
	enum probe_kind kind;
	struct addr src;
	struct addr dst;
	uint16_t port;    /* UDP destination port; 0 for other kinds */
	uint16_t attempt; /* 0 for the first */
	uint16_t bytes;   /* wanted length of the IP datagram, by padding (echo and UDP); 0: as it comes */
};

/* A probe ready to be crafted. Valid as long as the settings and payload book it was made from. */
struct probe {
	enum probe_kind kind;
	struct addr src;
	struct addr dst;
	uint8_t ttl;
	uint8_t tos;
	bool dont_fragment;
	uint16_t ip_id;
	uint16_t src_port; /* UDP */
	uint16_t dst_port;
	uint16_t udp_checksum; /* as it shall appear on the wire; 0: none */
	bool checksum_forced;  /* send udp_checksum though it is not the right one (--badsum, --udp-checksum) */
	uint16_t icmp_id;      /* echo, timestamp */
	uint16_t icmp_sequence;
	uint32_t icmp_originate; /* timestamp: milliseconds field, carries identity */
	const uint8_t *data;     /* payload before the nonce is put in; NULL when data_bytes is 0 */
	size_t data_bytes;
	size_t address_offset; /* where `src` goes into the data, if it is IPv4; 0: nowhere */
	int nonce_offset;      /* where `nonce` goes into the data, big-endian; -1: nowhere */
	uint16_t nonce;
	const uint8_t *padding; /* behind the data */
	size_t padding_bytes;
	uint16_t
	        fragment_offset; /* only this part of the IP datagram's data is sent: from here on, a multiple of 8, ... */
	uint16_t fragment_bytes; /* ... so much; 0: all of it, not as a fragment */
	bool more_fragments;
	uint8_t echo_data[16]; /* an echo's data, when `data` is NULL: 8 bytes, or 16 with a stamp (stamp.h) */

	/* How it leaves, filled by the engine. */
	int interface; /* index into network.interfaces */
	enum link_kind link;
	uint8_t next_hop_mac[MAC_BYTES]; /* LINK_ETHERNET; ARP: broadcast */
	uint64_t cookie;                 /* the engine's own mark, given back with a send error */
};

/* How well a reply fits a question. */
enum match {
	MATCH_NO,   /* not an answer to it: forged, late from another run, or about something else */
	MATCH_WEAK, /* addresses and ports fit, the content can prove nothing (a UDP answer without a transaction id) */
	MATCH_PROVED, /* carries something that only who saw the probe can know */
};

/* A probe kind: one file in src/probes each, one row in probe_modules. All functions are pure. */
struct probe_module {
	enum probe_kind kind;
	const char *name; /* for --packet-trace and messages */
	/* Fills everything of *probe that the kind decides, identity included; src, dst, ttl, tos come from ask and
	 * settings too. Leaves interface, link, next_hop_mac and cookie alone. */
	void (*make)(const struct probe_settings *settings, const struct ask *ask, struct probe *probe);
	/* Whether `reply`, be it direct or an ICMP error, answers exactly this ask (this attempt). */
	enum match (*matches)(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply);
};

/* Indexed by enum probe_kind. */
extern const struct probe_module *const probe_modules[PROBE_KIND_COUNT];

/* The keyed hash of an ask: the one source of every identity field. In src/core/identity.c. */
uint64_t probe_identity(const struct probe_settings *settings, const struct ask *ask);

#endif
