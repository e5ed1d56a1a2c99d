/* echo.c: the rules of --echo-server. */
#include "nscan/echo.h"

#include <stdlib.h>

#include "nscan/ping_payload.h"

enum { SOURCES = 4096 };

/* Answers that may be given now. */
struct bucket {
	double tokens;
	int64_t at_ns;
};

/* What was answered to one source lately. Sources that share a place share its tokens while both are busy. */
struct source {
	struct addr addr;
	struct bucket bucket;
};

struct echo {
	double rate;
	uint8_t key[HASH_KEY_BYTES];
	struct bucket all;
	struct echo_counts counts;
	struct source sources[SOURCES];
};

struct echo *echo_new(double rate, const uint8_t key[HASH_KEY_BYTES], struct err *err)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (!echo) {
		err_set(err, ERR_SYSTEM, "out of memory while starting the echo server");
		return NULL;
	}
	echo->rate = rate > 0 ? rate : ECHO_RATE;
	for (size_t i = 0; i < HASH_KEY_BYTES; i++)
		echo->key[i] = key[i];
	return echo;
}

void echo_free(struct echo *echo)
{
	free(echo);
}

/* Full at first; then as much as time has brought. */
static void refill(struct bucket *bucket, double rate, double burst, int64_t now_ns)
{
	double brought = (double)(now_ns - bucket->at_ns) / 1e9 * rate;

	bucket->tokens += brought > 0 ? brought : 0;
	if (bucket->at_ns == 0 || bucket->tokens > burst)
		bucket->tokens = burst;
	bucket->at_ns = now_ns;
}

static struct source *source_of(struct echo *echo, const struct addr *addr, int64_t now_ns, bool *is_new)
{
	struct source *source = &echo->sources[siphash(echo->key, addr->bytes, sizeof(addr->bytes)) % SOURCES];

	refill(&source->bucket, ECHO_SOURCE_RATE, ECHO_SOURCE_BURST, now_ns);
	/* The place is free for another when who had it has been quiet long enough to be owed everything. */
	*is_new = !addr_equal(&source->addr, addr) && source->bucket.tokens >= ECHO_SOURCE_BURST;
	if (*is_new)
		source->addr = *addr;
	return source;
}

static double burst_of(double rate)
{
	double burst = rate / ECHO_RATE * ECHO_BURST;

	return burst < 1 ? 1 : burst;
}

bool echo_take(struct echo *echo, const struct echo_request *request, int64_t now_ns, bool *is_new)
{
	struct echo_counts *counts = &echo->counts;
	enum ping_role role = ping_payload_role(request->data, request->n);
	struct source *source;

	*is_new = false;
	counts->received++;
	if (role != PING_ASKS || request->cut || request->src_port == 0) {
		counts->answers += role == PING_ANSWERS;
		counts->foreign += role != PING_ANSWERS;
		return false;
	}
	if (!request->to_one) {
		counts->broadcasts++;
		return false;
	}
	source = source_of(echo, &request->src, now_ns, is_new);
	refill(&echo->all, echo->rate, burst_of(echo->rate), now_ns);
	if (source->bucket.tokens < 1) {
		counts->over_source++;
		return false;
	}
	if (echo->all.tokens < 1) {
		counts->over_all++;
		return false;
	}
	source->bucket.tokens--;
	echo->all.tokens--;
	counts->answered++;
	counts->answered_bytes += request->n;
	ping_payload_answer(request->data);
	return true;
}

const struct echo_counts *echo_counted(const struct echo *echo)
{
	return &echo->counts;
}
