/* name_query.h: reverse names of addresses from /etc/hosts and from name servers, through c-ares. */
#ifndef NSCAN_CLI_NAME_QUERY_H
#define NSCAN_CLI_NAME_QUERY_H

#include <stdbool.h>

#include "nscan/addr.h"

enum { NAME_BYTES = 256 }; /* RFC 1035: at most 253 characters */

enum name_outcome {
	NAME_ANSWERED,  /* a name, or a name server's word that there is none */
	NAME_UNSENT,    /* nothing could be sent, or it was refused */
	NAME_TIMED_OUT, /* two tries without an answer */
	NAME_CANCELLED,
};

struct name_query;

/* The query for `ticket` is over; name is NULL when there is none. May come before name_query_ask returns. */
typedef void name_answer(void *context, void *ticket, enum name_outcome outcome, const char *name);

/* epoll: an epoll instance that gets the sockets of queries on their way. Reads the resolver's configuration; servers instead of those
 * there when not NULL. NULL when that cannot be done, or `servers` are none. */
struct name_query *name_query_new(int epoll, const char *servers, name_answer *answer, void *context);
/* Queries on their way are answered as cancelled. */
void name_query_free(struct name_query *query);
/* The name in /etc/hosts. */
bool name_query_hosts_file(struct name_query *query, const struct addr *addr, char out[NAME_BYTES]);
void name_query_ask(struct name_query *query, const struct addr *addr, void *ticket);
/* Reads and sends what is ready; with `timeouts` also sees which queries have waited long enough. */
void name_query_work(struct name_query *query, bool timeouts);
/* Answers every query as cancelled. */
void name_query_cancel(struct name_query *query);

#endif
