/* names.c: reverse names of hosts through c-ares, in parallel and bounded in number and time. */
#include "names.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MOST_ASKED = 64,   /* queries on their way at once */
	MOST_HELD = 65536, /* hosts that wait for their name; those beyond go without */
	FAILURES_DEAD = 3, /* queries in a row that could not even be sent, and no answer ever: nobody is there */
	BUCKETS = 4096,    /* a power of two */
	READY_AT_ONCE = 16,
	QUERY_TIMEOUT_MS = 600, /* of the first try; the second waits twice as long */
	QUERY_TRIES = 2,
	NAME_BYTES = 256, /* RFC 1035: at most 253 characters */
	REVERSE_BYTES = 80,
	DNS_CLASS_IN = 1,
	DNS_TYPE_PTR = 12,
};
static const int64_t LOOK_EVERY_NS = 50000000; /* at timeouts */
static const int64_t PATIENCE_NS = 2000000000; /* without any answer: the name servers are dead */

/* A host whose name is asked for. */
struct wanted {
	struct names *names;
	uint64_t ordinal;
	uint64_t index;
	struct addr addr;
	struct host_event host;
	int64_t at_ns;
	int64_t done_ns;
	bool done;     /* the host is done, and that is held back */
	bool told;     /* its event went on without a name */
	bool answered; /* the query is over */
	struct wanted *next_in_bucket;
	struct wanted *next_in_queue;
	char name[NAME_BYTES];
};

struct names {
	bool all;
	const char *servers;
	names_deliver *deliver;
	void *context;
	int epoll;
	bool started;
	bool dead;
	bool costly;
	ares_channel channel;
	struct wanted *buckets[BUCKETS];
	struct wanted *queue_first; /* not asked yet */
	struct wanted *queue_last;
	size_t held;
	size_t asked; /* on their way */
	int64_t now_ns;
	int64_t last_answer_ns; /* or when the asking began */
	int64_t look_ns;
	unsigned failures; /* in a row */
	uint64_t answers;
	uint64_t found;
	uint64_t left_out;
};

/* c-ares says which of its sockets waits for what. */
static void on_socket(void *context, ares_socket_t fd, int readable, int writable)
{
	struct names *names = context;
	struct epoll_event event = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), .data.fd = fd};

	if (!readable && !writable)
		epoll_ctl(names->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(names->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
		epoll_ctl(names->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Reads the resolver's configuration, when the first name is wanted. */
static bool start(struct names *names)
{
	/* Files only: the name servers are asked by queries of their own, whose failures c-ares would otherwise hide behind the
	 * hosts file's "not found". */
	char lookups[] = "f";
	struct ares_options options = {.timeout = QUERY_TIMEOUT_MS,
	                               .tries = QUERY_TRIES,
	                               .lookups = lookups,
	                               .sock_state_cb = on_socket,
	                               .sock_state_cb_data = names};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

	if (names->started)
		return !names->dead;
	names->started = true;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		names->dead = true;
		return false;
	}
	if (ares_init_options(&names->channel, &options, mask) != ARES_SUCCESS) {
		ares_library_cleanup();
		names->channel = NULL;
		names->dead = true;
		return false;
	}
	if (names->servers && ares_set_servers_ports_csv(names->channel, names->servers) != ARES_SUCCESS)
		names->dead = true;
	return !names->dead;
}

struct names *names_new(bool all, const char *servers, names_deliver *deliver, void *context, struct err *err)
{
	struct names *names = calloc(1, sizeof(*names));

	if (names) {
		*names = (struct names){.all = all, .servers = servers, .deliver = deliver, .context = context};
		names->epoll = epoll_create1(EPOLL_CLOEXEC);
	}
	if (!names || names->epoll < 0) {
		free(names);
		err_set(err, ERR_SYSTEM, "out of memory or file descriptors while starting the scan");
		return NULL;
	}
	if (!servers || start(names))
		return names;
	names_free(names);
	err_set(err, ERR_USAGE,
	        "--dns-servers %s: give addresses of name servers, such as 192.168.0.1 or 10.0.0.1:5353,10.0.0.2",
	        servers);
	return NULL;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	if (names->channel) {
		names->deliver = NULL; /* too late for anybody to listen */
		ares_destroy(names->channel);
		ares_library_cleanup();
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		while (names->buckets[i]) {
			struct wanted *next = names->buckets[i]->next_in_bucket;

			free(names->buckets[i]);
			names->buckets[i] = next;
		}
	}
	close(names->epoll);
	free(names);
}

int names_fd(const struct names *names)
{
	return names->epoll;
}

static struct wanted **find(struct names *names, uint64_t ordinal)
{
	struct wanted **at = &names->buckets[ordinal & (BUCKETS - 1)];

	while (*at && (*at)->ordinal != ordinal)
		at = &(*at)->next_in_bucket;
	return at;
}

static void deliver(struct names *names, const struct event *event)
{
	if (names->deliver)
		names->deliver(names->context, event);
}

static struct event event_about(const struct wanted *wanted, enum event_kind kind, int64_t at_ns)
{
	return (struct event){
	        .kind = kind, .at_ns = at_ns, .ordinal = wanted->ordinal, .index = wanted->index, .addr = wanted->addr};
}

/* Tells the host, with its name where that is known. */
static void tell_host(struct names *names, struct wanted *wanted, int64_t at_ns)
{
	struct event event = event_about(wanted, EVENT_HOST, at_ns);

	event.u.host = wanted->host;
	event.u.host.name = wanted->name[0] ? wanted->name : NULL;
	wanted->told = true;
	deliver(names, &event);
}

/* The query is over, one way or the other: lets the host go on. */
static void settle(struct names *names, struct wanted *wanted)
{
	struct wanted **place = find(names, wanted->ordinal);

	wanted->answered = true;
	if (!wanted->told)
		return; /* nothing could be sent, and its event is just being taken: take_host goes on */
	if (wanted->name[0])
		tell_host(names, wanted, names->now_ns > wanted->at_ns ? names->now_ns : wanted->at_ns);
	if (wanted->done) {
		struct event event = event_about(wanted, EVENT_HOST_DONE, wanted->done_ns);

		deliver(names, &event);
	}
	if (*place == wanted)
		*place = wanted->next_in_bucket;
	names->held--;
	free(wanted);
}

/* Did somebody answer, if only to say that there is no such name? */
static bool is_answer(int status)
{
	return status != ARES_ETIMEOUT && status != ARES_ECONNREFUSED && status != ARES_ECANCELLED &&
	       status != ARES_EDESTRUCTION;
}

static void keep_name(struct wanted *wanted, const struct hostent *host)
{
	if (!host || !host->h_name || strlen(host->h_name) >= NAME_BYTES)
		return;
	strcpy(wanted->name, host->h_name);
	wanted->names->found++;
}

static void on_reply(void *context, int status, int timeouts, unsigned char *reply, int bytes)
{
	struct wanted *wanted = context;
	struct names *names = wanted->names;
	struct hostent *host = NULL;

	(void)timeouts;
	names->asked--;
	if (is_answer(status)) {
		names->answers++;
		names->failures = 0;
		names->last_answer_ns = names->now_ns;
	} else if (status != ARES_EDESTRUCTION) {
		/* Two tries that nobody answered say as much as several that could not be sent. */
		names->failures += status == ARES_ETIMEOUT ? FAILURES_DEAD : 1;
		names->left_out += status == ARES_ECANCELLED;
	}
	if (status == ARES_SUCCESS && ares_parse_ptr_reply(reply, bytes, NULL, 0, AF_INET, &host) == ARES_SUCCESS) {
		keep_name(wanted, host);
		ares_free_hostent(host);
	}
	settle(names, wanted);
}

static void on_hosts_file(void *context, int status, int timeouts, struct hostent *host)
{
	(void)timeouts;
	if (status == ARES_SUCCESS)
		keep_name(context, host);
}

/* /etc/hosts, which is read at once. */
static bool look_into_hosts_file(struct names *names, struct wanted *wanted)
{
	struct in_addr v4;

	if (wanted->addr.family == 6) {
		ares_gethostbyaddr(names->channel, wanted->addr.bytes, 16, AF_INET6, on_hosts_file, wanted);
	} else {
		v4.s_addr = htonl(addr_v4(&wanted->addr));
		ares_gethostbyaddr(names->channel, &v4, sizeof(v4), AF_INET, on_hosts_file, wanted);
	}
	return wanted->name[0] != '\0';
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

/* The answer may come before this returns, when nothing could be sent. */
static void ask(struct names *names, struct wanted *wanted)
{
	char name[REVERSE_BYTES];

	if (names->asked++ == 0)
		names->last_answer_ns = names->now_ns;
	reverse_name(&wanted->addr, name);
	ares_query(names->channel, name, DNS_CLASS_IN, DNS_TYPE_PTR, on_reply, wanted);
}

static struct wanted *dequeue(struct names *names)
{
	struct wanted *wanted = names->queue_first;

	names->queue_first = wanted->next_in_queue;
	if (!names->queue_first)
		names->queue_last = NULL;
	return wanted;
}

static void ask_more(struct names *names)
{
	while (names->queue_first && names->asked < MOST_ASKED && !names->dead)
		ask(names, dequeue(names));
}

static void enqueue(struct names *names, struct wanted *wanted)
{
	if (names->queue_last)
		names->queue_last->next_in_queue = wanted;
	else
		names->queue_first = wanted;
	names->queue_last = wanted;
}

static bool nobody_is_there(const struct names *names)
{
	return names->answers == 0 && names->failures >= FAILURES_DEAD;
}

static void take_host(struct names *names, const struct event *event)
{
	struct wanted *wanted = *find(names, event->ordinal);
	bool is_wanted = event->u.host.state == HOST_UP || (names->all && event->u.host.state == HOST_DOWN);

	if (wanted || !is_wanted || names->held >= MOST_HELD || !start(names)) {
		names->left_out += is_wanted && !wanted;
		if (wanted)
			wanted->host = event->u.host;
		deliver(names, event);
		return;
	}
	wanted = calloc(1, sizeof(*wanted));
	if (!wanted) {
		names->left_out++;
		deliver(names, event);
		return;
	}
	*wanted = (struct wanted){.names = names,
	                          .ordinal = event->ordinal,
	                          .index = event->index,
	                          .addr = event->addr,
	                          .host = event->u.host,
	                          .at_ns = event->at_ns};
	if (look_into_hosts_file(names, wanted)) {
		tell_host(names, wanted, event->at_ns);
		free(wanted);
		return;
	}
	*find(names, event->ordinal) = wanted;
	names->held++;
	if (names->asked < MOST_ASKED && !names->queue_first)
		ask(names, wanted);
	else
		enqueue(names, wanted);
	tell_host(names, wanted, event->at_ns);
	if (wanted->answered)
		settle(names, wanted);
	names->dead |= nobody_is_there(names);
}

void names_take(struct names *names, const struct event *event, int64_t now_ns)
{
	struct wanted *wanted;

	names->now_ns = now_ns;
	if (event->kind == EVENT_HOST) {
		take_host(names, event);
		return;
	}
	wanted = event->kind == EVENT_HOST_DONE && names->held > 0 ? *find(names, event->ordinal) : NULL;
	if (!wanted) {
		deliver(names, event);
		return;
	}
	wanted->done = true;
	wanted->done_ns = event->at_ns;
}

void names_give_up(struct names *names)
{
	if (names->asked > 0)
		ares_cancel(names->channel);
	while (names->queue_first) {
		names->left_out++;
		settle(names, dequeue(names));
	}
}

/* Nobody answers: no further host waits for that. */
static void bury(struct names *names, bool costly)
{
	names->dead = true;
	names->costly = costly;
	names_give_up(names);
}

void names_work(struct names *names, int64_t now_ns)
{
	struct epoll_event ready[READY_AT_ONCE];
	int count;

	names->now_ns = now_ns;
	if (names->held == 0)
		return;
	count = epoll_wait(names->epoll, ready, READY_AT_ONCE, 0);
	for (int i = 0; i < count; i++) {
		ares_socket_t fd = ready[i].data.fd;

		ares_process_fd(names->channel, ready[i].events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
		                ready[i].events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	}
	if (now_ns >= names->look_ns) {
		names->look_ns = now_ns + LOOK_EVERY_NS;
		ares_process_fd(names->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	if (nobody_is_there(names))
		bury(names, now_ns - names->last_answer_ns > LOOK_EVERY_NS);
	else if (names->asked > 0 && now_ns - names->last_answer_ns >= PATIENCE_NS)
		bury(names, true);
	else
		ask_more(names);
}

int64_t names_wake(const struct names *names)
{
	return names->held > 0 ? names->look_ns : INT64_MAX;
}

bool names_done(const struct names *names)
{
	return names->held == 0;
}

void names_summarise(const struct names *names, struct names_summary *out)
{
	*out = (struct names_summary){
	        .found = names->found,
	        .left_out = names->left_out,
	        .dead = names->dead,
	        .costly = names->costly,
	};
}
