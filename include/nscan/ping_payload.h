/* ping_payload.h: what a UDP ping says, so that the other end knows it for a ping of nscan, and this end for its own.
 *
 *      0   8  marker: "nscan?01" asks, "nscan!01" answers; all that an echo server changes
 *      8   2  nonce: chosen so that the UDP checksum comes out as identity wants it (0 in an ICMP echo)
 *     10   2  serial number of the packet, its low 16 bits
 *     12   4  sequence number of the probe, from 1
 *     16   8  when it was sent, in nanoseconds on the sender's own clock
 *     24   8  keyed hash of the 14 bytes before: only who saw this packet can send it back
 *     32   .  filling that follows from the hash, so that every byte can be checked
 *
 * The two markers differ so that an answer is never answered: no two servers can be brought to throw a datagram to and fro
 * (CERT CA-1996-01). Numbers are big-endian. */
#ifndef NSCAN_PING_PAYLOAD_H
#define NSCAN_PING_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/hash.h"

enum {
	PING_MARKER_BYTES = 8,
	PING_NONCE_AT = 8,
	PING_STAMPED_LEAST = 32, /* the shortest payload that carries all of this */
	PING_DEFAULT_BYTES = 56, /* as ping(8) */
};

/* What is particular to one packet. */
struct ping_stamp {
	uint16_t serial;
	uint32_t sequence;
	int64_t sent_ns;
};

enum ping_role { PING_FOREIGN, PING_ASKS, PING_ANSWERS };

/* Writes a request of n bytes (at least PING_STAMPED_LEAST), its nonce zero. */
void ping_payload_write(uint8_t *out, size_t n, const uint8_t key[HASH_KEY_BYTES], const struct ping_stamp *stamp);
/* What its marker says the datagram is; PING_FOREIGN too when it is shorter than PING_STAMPED_LEAST. */
enum ping_role ping_payload_role(const uint8_t *data, size_t n);
/* Turns a request into its answer, in place and of the same length. */
void ping_payload_answer(uint8_t *data);
/* Reads the stamp of a request or an answer. False when it is none, or none made with this key. */
bool ping_payload_read(const uint8_t *data, size_t n, const uint8_t key[HASH_KEY_BYTES], struct ping_stamp *out);

#endif
