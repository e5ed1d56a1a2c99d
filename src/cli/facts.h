/* facts.h: everything a run depends on that is neither packet nor time: command line, what names and files gave, seed, key, source
 * ports, the network as the kernel described it. A record begins with it, as JSON. */
#ifndef NSCAN_CLI_FACTS_H
#define NSCAN_CLI_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/err.h"
#include "nscan/hash.h"
#include "nscan/live.h"
#include "nscan/network.h"

struct facts;

/* What is one number or one short list. Arrays are the caller's; in what facts_run gives they are the facts'. */
struct run_facts {
	int argc;
	char *const *argv;
	const char *const
	        *meant; /* for each argument: what to read in its place where that depends on a file, else NULL */
	uint64_t seed;
	uint8_t key[HASH_KEY_BYTES];
	const uint16_t *source_ports;
	size_t source_port_count;
	int64_t start_ns; /* on the link's clock */
	int64_t start_wall_ns;
};

/* --- writing. Adding remembers when memory ran out; facts_text tells. */
struct facts *facts_new(void);
void facts_free(struct facts *facts);
void facts_add_name(struct facts *facts, const char *name, const struct addr *addr);
/* Contents of a file that options name, in the order in which they are read. */
void facts_add_file(struct facts *facts, const char *text, size_t n);
void facts_set_run(struct facts *facts, const char *version, const struct run_facts *run);
void facts_set_network(struct facts *facts, const struct network *network);
/* Allocated, the caller's; NULL when memory ran out. */
char *facts_text(const struct facts *facts, size_t *n);

/* --- reading. Whoever wrote the record is not trusted: every index and length is checked. */
struct facts *facts_parse(const char *text, size_t n, struct err *err);
const char *facts_version(const struct facts *facts);
/* As many as run.argc: what to parse. In run.argv is what was typed. */
char *const *facts_parsed_args(const struct facts *facts);
const struct run_facts *facts_run(const struct facts *facts);
bool facts_name(const struct facts *facts, const char *name, struct addr *out);
/* The next file in that order; NULL when there is none. Owned by the facts. */
const char *facts_next_file(struct facts *facts, size_t *n);
bool facts_network(const struct facts *facts, struct network *out, struct err *err);

#endif
