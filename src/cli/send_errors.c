/* send_errors.c: what each errno of a refused packet means to the operator. */
#include "send_errors.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
        {EPERM, "a local firewall or a full connection-tracking table refuses packets (allow the scanner's output in "
                "nftables or "
                "iptables, or exempt it from tracking)"},
        {ENOBUFS, "the send queue of the interface is full (slow down with --max-rate)"},
        {EAGAIN, "the send queue of the interface is full (slow down with --max-rate)"},
        {EMSGSIZE, "packets are larger than the MTU of the interface (give fewer bytes with --data, or another "
                   "interface with -e)"},
        {EHOSTUNREACH, "no neighbour or route towards the target (see 'ip route get ADDRESS')"},
        {ENETUNREACH, "no route towards the target (see 'ip route get ADDRESS')"},
        {ENETDOWN, "the interface is down (bring it up with 'ip link set IF up')"},
        {EINVAL, "the kernel takes these packets for malformed (see --packet-trace)"},
        {EACCES, "the destination is a broadcast address or prohibited by a route (leave it out with --exclude)"},
};

bool send_errors_add(struct send_errors *errors, int error)
{
	errors->total++;
	for (size_t i = 0; i < SEND_ERROR_KINDS; i++) {
		bool is_new = errors->kinds[i].error == 0;

		if (!is_new && errors->kinds[i].error != error && i + 1 < SEND_ERROR_KINDS)
			continue;
		if (is_new)
			errors->kinds[i].error = error;
		errors->kinds[i].count++;
		return is_new;
	}
	return false;
}

const char *send_error_text(int error)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].error == error)
			return texts[i].text;
	}
	return strerror(error);
}

const char *send_errors_commonest(const struct send_errors *errors)
{
	size_t best = 0;

	for (size_t i = 1; i < SEND_ERROR_KINDS; i++) {
		if (errors->kinds[i].count > errors->kinds[best].count)
			best = i;
	}
	return errors->total > 0 ? send_error_text(errors->kinds[best].error) : NULL;
}
