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

enum { PAYLOAD_MAX_BYTES = 1472, PAYLOAD_MAX_PORTS = 8 };

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
	/* Where the request names the IPv4 address that it comes from: four zero bytes at an even place; 0: nowhere. */
	size_t address_offset;
	/* Judges an answer's data (bounds-checked, allocation-free). NULL: always ANSWER_UNKNOWN. */
	enum answer (*judge)(const uint8_t *data, size_t n, uint16_t nonce);
	bool other_port; /* the server answers from another port (TFTP, RFC 1350 4) */
	bool opt_in;     /* its answer is many times its size: sent with --payloads all only */
	bool anywhere;   /* also sent, behind the empty datagram, to ports that have no payload of their own */
	/* Filled by payload_book_new (or by the owner of a --data payload). */
	const uint8_t *bytes;
	size_t byte_count;
};

/* Which of the table are sent: --payloads. */
enum payload_set {
	PAYLOADS_SAFE, /* all that do no harm */
	PAYLOADS_ALL,  /* those marked opt_in too */
	PAYLOADS_NONE, /* empty datagrams only (and the operator's own) */
};

/* What a book is made of. */
struct payload_choice {
	enum payload_set set;
	const struct payload
	        *own;     /* --payload, in the order given: before the table's in their ports' rows; build is */
	size_t own_count; /* NULL, and bytes stay the caller's as long as the book lives */
};

/* All payloads, built, and found by port. */
struct payload_book;

/* NULL only when memory ran out. payload_book_free releases it and every payload it gave out. */
struct payload_book *payload_book_of(const struct payload_choice *choice);
/* The safe ones, with no own. */
struct payload_book *payload_book_new(void);
void payload_book_free(struct payload_book *book);
/* What to send to `port` on that attempt (0 first): its payloads in turn, most likely first, again from the front when they
 * are used up; for a port without any, the empty payload, then those marked `anywhere`. Bit 15 of the attempt, by which the
 * discovery's asks differ from the scan's, does not count. Never NULL; lives as long as the book. */
const struct payload *payload_for(const struct payload_book *book, uint16_t port, uint16_t attempt);
/* How many different payloads the port has of its own; 0 when none. */
size_t payload_count(const struct payload_book *book, uint16_t port);
/* How many different payloads `payload_for` goes through for the port, at least 1. */
size_t payload_turns(const struct payload_book *book, uint16_t port);
/* How many payloads the book holds without the empty one, and each of them in the order of the table. */
size_t payload_book_size(const struct payload_book *book);
const struct payload *payload_book_at(const struct payload_book *book, size_t index);

#endif
