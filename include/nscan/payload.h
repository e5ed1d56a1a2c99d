/* payload.h: what a UDP probe says, so that the service behind the port answers.
 *
 * Every entry is written from its specification, harmless (changes no state, does not amplify) and well-formed. Two bytes
 * that the protocol lets the client choose (a transaction id, a nonce, padding) are set per probe so that the UDP
 * checksum comes out as identity wants it. */
#ifndef NSCAN_PAYLOAD_H
#define NSCAN_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAYLOAD_MAX_BYTES = 1472, PAYLOAD_MAX_PORTS = 6 };

/* What the bytes of an answer prove. */
enum answer {
	ANSWER_FOREIGN, /* is of this protocol but answers somebody else's request (other transaction id) */
	ANSWER_UNKNOWN, /* cannot be told: no id in this protocol, or not this protocol at all */
	ANSWER_PROVED,  /* carries the two bytes that were chosen for this probe */
	ANSWER_FITS,    /* has the form of an answer to this request, in a protocol that has no id to prove more */
};

/* One request. */
struct payload {
	const char *name;                  /* "dns-version-bind" */
	uint16_t ports[PAYLOAD_MAX_PORTS]; /* sent to these by default; 0 ends the list */
	const char *source;                /* the document it is written from: "RFC 1035 4.1.1" */
	/* Writes the request (nonce bytes zero) and returns its length, at most PAYLOAD_MAX_BYTES. NULL: empty datagram. */
	size_t (*build)(uint8_t out[PAYLOAD_MAX_BYTES]);
	int nonce_offset; /* two client-chosen bytes in the request; -1: none */
	/* Judges an answer's data (bounds-checked, allocation-free). NULL: always ANSWER_UNKNOWN. */
	enum answer (*judge)(const uint8_t *data, size_t n, uint16_t nonce);
	bool other_port; /* the server answers from another port (TFTP, RFC 1350 4) */
	/* Filled by payload_book_new (or by the owner of a --data payload). */
	const uint8_t *bytes;
	size_t byte_count;
};

/* All payloads, built, and found by port. */
struct payload_book;

/* NULL only when memory ran out. payload_book_free releases it and every payload it gave out. */
struct payload_book *payload_book_new(void);
void payload_book_free(struct payload_book *book);
/* What to send to `port` on that attempt (0 first): its payloads in turn, most likely first, again from the front when they
 * are used up; for a port without any, the empty payload. Never NULL; lives as long as the book. */
const struct payload *payload_for(const struct payload_book *book, uint16_t port, uint16_t attempt);
/* How many different payloads the port has; 0 when only the empty one. */
size_t payload_count(const struct payload_book *book, uint16_t port);

#endif
