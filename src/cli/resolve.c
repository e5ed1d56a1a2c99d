/* resolve.c: a target's name becomes an address. */
#include "resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The first address of that family; the result of getaddrinfo. */
static int lookup(const char *name, int family, struct addr *out)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	int result = getaddrinfo(name, NULL, &hints, &list);

	if (result == 0 && list->ai_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, list->ai_addr, sizeof(in));
		*out = addr_from_v4(ntohl(in.sin_addr.s_addr));
	}
	if (list)
		freeaddrinfo(list);
	return result;
}

static bool resolve(void *context, const char *name, struct addr *out, struct err *err)
{
	struct stat about;
	int result;

	(void)context;
	/* getaddrinfo takes "53" for 0.0.0.53 and "0x7f.1" for an address; nobody means that here. */
	if (name[strspn(name, "0123456789.")] == '\0' || strncmp(name, "0x", 2) == 0)
		return err_set(err, ERR_USAGE, "%s: neither an address nor a name; write all four octets", name);
	result = lookup(name, AF_INET, out);
	if (result == 0)
		return true;
	if (lookup(name, AF_INET6, out) == 0)
		return err_set(err, ERR_USAGE, "%s: has IPv6 addresses only, and IPv6 scanning is not available yet",
		               name);
	if (stat(name, &about) == 0 && S_ISREG(about.st_mode))
		return err_set(
		        err, ERR_USAGE,
		        "%s: is no name of a host, but there is a file of that name: -iL %s takes targets from it",
		        name, name);
	return err_set(err, ERR_USAGE, "%s: cannot find that name (%s); check the spelling or give the address", name,
	               gai_strerror(result));
}

const struct resolver system_resolver = {resolve, NULL};
