// The smallest service worth deploying: answers every GET with the replica it runs in. Static, no libraries, so that
// its image is built from scratch and needs no registry.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *or(const char *value, const char *other) { return value ? value : other; }

static void *serve(void *argument) {
  int fd = (int)(long)argument;
  char request[8192], page[2048], head[256];
  size_t have = 0;
  for (;;) {
    ssize_t n = read(fd, request + have, sizeof request - 1 - have);
    if (n <= 0) break;
    have += (size_t)n;
    request[have] = 0;
    if (!strstr(request, "\r\n\r\n")) {
      if (have >= sizeof request - 1) break;
      continue;
    }
    have = 0;
    const char *replica = or(getenv("GANTRY_REPLICA_ID"), "no replica");
    int length = snprintf(page, sizeof page,
                          "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
                          "<title>Hello from Gantry</title><style>body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;"
                          "margin:20vh auto;padding:0 1rem}code{background:#eee;padding:.1em .3em;border-radius:4px}</style>"
                          "<h1>Hello</h1><p>This is <code>%s</code> of service <code>%s</code> in <code>%s</code>."
                          "<p>Reload the page: another replica answers.\n",
                          replica, or(getenv("GANTRY_SERVICE_NAME"), "hello"),
                          or(getenv("GANTRY_ENVIRONMENT_NAME"), "no environment"));
    int header = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", length);
    if (write(fd, head, (size_t)header) != header || write(fd, page, (size_t)length) != length) break;
  }
  close(fd);
  return 0;
}

static void leave(int signal_number) {
  (void)signal_number;
  _exit(0);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, leave);
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(or(getenv("PORT"), "8080")))};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 256)) {
    perror("hello: listen");
    return 1;
  }
  printf("hello listens on port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept(listener, 0, 0);
    pthread_t thread;
    if (fd < 0) continue;
    if (pthread_create(&thread, 0, serve, (void *)(long)fd)) close(fd);
    else pthread_detach(thread);
  }
}
