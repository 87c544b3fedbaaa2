/*
 * What every C driver has in common: its arguments, its news and its orders.
 *
 * Arguments: USER DOMAIN PASSWORD PROXY-HOST PROXY-PORT TRANSPORT LOCAL-HOST
 * LOCAL-PORT FOLDER BUDDY. Orders come as lines on standard input, news go as lines to
 * the standard output that the driver was started with; play/driver.go lists
 * both. Whatever a library prints goes to standard error.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct account {
	const char *user, *domain, *password;
	const char *proxy_host;
	int proxy_port;
	const char *transport; /* udp or tcp */
	const char *local_host;
	int local_port;
	const char *folder;
	const char *buddy; /* sip:user@domain */
};

/* What to do with an order; argument is what follows the word, or "". */
typedef void (*order_handler)(const char *word, char *argument);

static FILE *news_stream;

/* news tells one line; it is written at once. */
__attribute__((format(printf, 1, 2))) static void news(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(news_stream, format, args);
	va_end(args);
	fputc('\n', news_stream);
	fflush(news_stream);
}

/* driver_begin reads the arguments and takes standard output for the news. */
static struct account driver_begin(int argc, char **argv)
{
	struct account a;
	int out;

	if (argc != 11) {
		fprintf(stderr, "%s: USER DOMAIN PASSWORD PROXY-HOST PROXY-PORT "
			"udp|tcp LOCAL-HOST LOCAL-PORT FOLDER BUDDY\n", argv[0]);
		exit(2);
	}
	out = dup(STDOUT_FILENO);
	if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    (news_stream = fdopen(out, "w")) == NULL) {
		perror(argv[0]);
		exit(1);
	}
	a.user = argv[1];
	a.domain = argv[2];
	a.password = argv[3];
	a.proxy_host = argv[4];
	a.proxy_port = atoi(argv[5]);
	a.transport = argv[6];
	a.local_host = argv[7];
	a.local_port = atoi(argv[8]);
	a.folder = argv[9];
	a.buddy = argv[10];
	return a;
}

/*
 * read_orders reads what there is on standard input, which must be readable,
 * and hands each whole line to handle. It returns 0 at the end of the input.
 */
static int read_orders(order_handler handle)
{
	static char buffer[65536];
	static size_t filled;
	char *line = buffer, *end;
	ssize_t n = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled - 1);

	if (n <= 0)
		return 0;
	filled += (size_t)n;
	buffer[filled] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		char *argument = strchr(line, ' ');
		*end = '\0';
		if (argument != NULL && argument < end)
			*argument++ = '\0';
		else
			argument = end;
		handle(line, argument);
		line = end + 1;
	}
	filled -= (size_t)(line - buffer);
	memmove(buffer, line, filled);
	return 1;
}

/* cut ends the first word of s and returns what follows it. */
static char *cut(char *s)
{
	char *space = strchr(s, ' ');
	if (space == NULL)
		return s + strlen(s);
	*space = '\0';
	return space + 1;
}

#endif
