/* ping_stats.c: the counts of a ping. */
#include <math.h>

#include "ping_internal.h"

static const char *const names[PING_RESULT_COUNT] = {
        [PING_WAITING] = "waiting",     [PING_NOTHING] = "nothing",
        [PING_NOT_SENT] = "not-sent",   [PING_NO_NEIGHBOUR] = "no-arp-reply",
        [PING_ERROR] = "error",         [PING_REFUSED] = "refused",
        [PING_ANSWER] = "answer",       [PING_ALTERED] = "altered",
        [PING_TRUNCATED] = "truncated", [PING_ECHO] = "echo",
};

const char *ping_result_name(enum ping_result result)
{
	return names[result];
}

void ping_times_add(struct ping_times *times, int64_t rtt_ns)
{
	double delta = (double)rtt_ns - times->mean_ns;

	if (times->count == 0 || rtt_ns < times->min_ns)
		times->min_ns = rtt_ns;
	if (times->count == 0 || rtt_ns > times->max_ns)
		times->max_ns = rtt_ns;
	times->count++;
	times->mean_ns += delta / (double)times->count;
	times->squares += delta * ((double)rtt_ns - times->mean_ns);
}

int64_t ping_times_mdev(const struct ping_times *times)
{
	return times->count ? (int64_t)llround(sqrt(times->squares / (double)times->count)) : 0;
}

uint64_t ping_stats_lost(const struct ping_stats *stats)
{
	uint64_t accounted = stats->received + stats->waiting;

	return stats->packets > accounted ? stats->packets - accounted : 0;
}

uint64_t ping_stats_answered(const struct ping_stats *stats)
{
	uint64_t sum = 0;

	for (int result = PING_ANSWER; result < PING_RESULT_COUNT; result++)
		sum += stats->results[result];
	return sum;
}

uint64_t ping_stats_replied(const struct ping_stats *stats)
{
	return ping_stats_answered(stats) + stats->results[PING_REFUSED];
}

struct ping_port *ping_port_of(struct ping *ping, uint32_t sequence)
{
	return ping->ports ? &ping->ports[(sequence - 1) % ping->config.source_port_count] : NULL;
}

bool ping_port_is_silent(const struct ping_port *port)
{
	return port->probes > 0 && port->replied == 0;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : -1;
}

double ping_loss_percent(const struct ping_stats *stats)
{
	return percent(ping_stats_lost(stats), stats->packets - stats->waiting);
}

double ping_loss_percent_elsewhere(const struct ping_stats *stats, const struct ping_port *ports, size_t count)
{
	uint64_t packets = 0, received = 0;

	for (size_t i = 0; i < count; i++) {
		packets += ping_port_is_silent(&ports[i]) ? 0 : ports[i].packets;
		received += ports[i].received;
	}
	/* What is still under way cannot be told apart by port; then there is no figure. */
	return stats->waiting == 0 && packets >= received ? percent(packets - received, packets) : -1;
}

bool ping_probe_settle(struct ping *ping, struct ping_probe *probe, enum ping_result result)
{
	enum ping_result before = (enum ping_result)probe->result;
	struct ping_port *port = ping_port_of(ping, probe->sequence);

	if (result <= before)
		return false;
	ping->stats.results[before]--;
	ping->stats.results[result]++;
	probe->result = (uint8_t)result;
	if (port && before == PING_WAITING)
		port->probes++;
	if (port && before < PING_REFUSED && result >= PING_REFUSED)
		port->replied++;
	return true;
}
