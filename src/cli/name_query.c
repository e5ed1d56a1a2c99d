/* name_query.c: reverse names of addresses from /etc/hosts and from name servers, through c-ares. */
#include "name_query.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	READY_AT_ONCE = 16,
	QUERY_TIMEOUT_MS = 600, /* of the first try; the second waits twice as long */
	QUERY_TRIES = 2,
	REVERSE_BYTES = 80,
	DNS_CLASS_IN = 1,
	DNS_TYPE_PTR = 12,
};

struct name_query {
	int epoll;
	ares_channel channel;
	bool heard; /* a name server sent something */
	name_answer *answer;
	void *context;
};

/* A query on its way. */
struct asked {
	struct name_query *query;
	void *ticket;
};

/* c-ares says which of its sockets waits for what. */
static void on_socket(void *context, ares_socket_t fd, int readable, int writable)
{
	const struct name_query *query = context;
	struct epoll_event event = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), .data.fd = fd};

	if (!readable && !writable)
		epoll_ctl(query->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(query->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(query->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool open_channel(struct name_query *query, const char *servers)
{
	/* Files only: the name servers are asked by queries of their own, whose failures c-ares would otherwise hide behind the
	 * hosts file's "not found". */
	char lookups[] = "f";
	struct ares_options options = {.timeout = QUERY_TIMEOUT_MS,
	                               .tries = QUERY_TRIES,
	                               .lookups = lookups,
	                               .sock_state_cb = on_socket,
	                               .sock_state_cb_data = query};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return false;
	if (ares_init_options(&query->channel, &options, mask) != ARES_SUCCESS) {
		ares_library_cleanup();
		return false;
	}
	if (!servers || ares_set_servers_ports_csv(query->channel, servers) == ARES_SUCCESS)
		return true;
	ares_destroy(query->channel);
	ares_library_cleanup();
	return false;
}

struct name_query *name_query_new(int epoll, const char *servers, name_answer *answer, void *context)
{
	struct name_query *query = calloc(1, sizeof(*query));

	if (!query)
		return NULL;
	*query = (struct name_query){.epoll = epoll, .answer = answer, .context = context};
	if (open_channel(query, servers))
		return query;
	free(query);
	return NULL;
}

void name_query_free(struct name_query *query)
{
	if (!query)
		return;
	ares_destroy(query->channel);
	ares_library_cleanup();
	free(query);
}

static void keep_name(char out[NAME_BYTES], const struct hostent *host)
{
	out[0] = '\0';
	if (host && host->h_name && strlen(host->h_name) < NAME_BYTES)
		strcpy(out, host->h_name);
}

static void on_hosts_file(void *context, int status, int timeouts, struct hostent *host)
{
	(void)timeouts;
	keep_name(context, status == ARES_SUCCESS ? host : NULL);
}

bool name_query_hosts_file(struct name_query *query, const struct addr *addr, char out[NAME_BYTES])
{
	struct in_addr v4;

	out[0] = '\0';
	if (addr->family == 6) {
		ares_gethostbyaddr(query->channel, addr->bytes, 16, AF_INET6, on_hosts_file, out);
	} else {
		v4.s_addr = htonl(addr_v4(addr));
		ares_gethostbyaddr(query->channel, &v4, sizeof(v4), AF_INET, on_hosts_file, out);
	}
	return out[0] != '\0';
}

/* A name server's word is an answer also when it is that there is no such name, or that it will not say: of the latter (REFUSED,
 * SERVFAIL), when no other server says more, c-ares tells as of a server that is not there. */
static enum name_outcome outcome_of(const struct name_query *query, int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
		return NAME_TIMED_OUT;
	case ARES_ECONNREFUSED:
		return query->heard ? NAME_ANSWERED : NAME_UNSENT;
	case ARES_ENOMEM:
		return NAME_UNSENT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return NAME_CANCELLED;
	default:
		return NAME_ANSWERED;
	}
}

static void on_reply(void *context, int status, int timeouts, unsigned char *reply, int bytes)
{
	struct asked asked = *(struct asked *)context;
	struct hostent *host = NULL;
	char name[NAME_BYTES] = "";

	(void)timeouts;
	free(context);
	if (status == ARES_SUCCESS && ares_parse_ptr_reply(reply, bytes, NULL, 0, AF_INET, &host) == ARES_SUCCESS) {
		keep_name(name, host);
		ares_free_hostent(host);
	}
	asked.query->answer(asked.query->context, asked.ticket, outcome_of(asked.query, status), name[0] ? name : NULL);
}

/* "7.0.168.192.in-addr.arpa" (RFC 1035), or its like of 32 nibbles (RFC 3596). */
static void reverse_name(const struct addr *addr, char out[REVERSE_BYTES])
{
	const uint8_t *bytes = addr->bytes;
	size_t used = 0;

	if (addr->family != 6) {
		uint32_t v4 = addr_v4(addr);

		snprintf(out, REVERSE_BYTES, "%u.%u.%u.%u.in-addr.arpa", v4 & 0xff, v4 >> 8 & 0xff, v4 >> 16 & 0xff,
		         v4 >> 24);
		return;
	}
	for (int i = 15; i >= 0; i--)
		used += (size_t)snprintf(out + used, REVERSE_BYTES - used, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4u);
	snprintf(out + used, REVERSE_BYTES - used, "ip6.arpa");
}

void name_query_ask(struct name_query *query, const struct addr *addr, void *ticket)
{
	struct asked *asked = malloc(sizeof(*asked));
	char name[REVERSE_BYTES];

	if (!asked) {
		query->answer(query->context, ticket, NAME_UNSENT, NULL);
		return;
	}
	*asked = (struct asked){query, ticket};
	reverse_name(addr, name);
	ares_query(query->channel, name, DNS_CLASS_IN, DNS_TYPE_PTR, on_reply, asked);
}

void name_query_work(struct name_query *query, bool timeouts)
{
	struct epoll_event ready[READY_AT_ONCE];
	int count = epoll_wait(query->epoll, ready, READY_AT_ONCE, 0);

	for (int i = 0; i < count; i++) {
		ares_socket_t fd = ready[i].data.fd;

		query->heard |= (ready[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == EPOLLIN;
		ares_process_fd(query->channel, ready[i].events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
		                ready[i].events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	}
	if (timeouts)
		ares_process_fd(query->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void name_query_cancel(struct name_query *query)
{
	ares_cancel(query->channel);
}
