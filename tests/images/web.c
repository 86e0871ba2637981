// The application that tests run in containers: a small HTTP/1.1 server on $PORT (8080 without), one thread,
// epoll, no library beyond libc. Built statically, so that its image holds nothing else.
//
//   GET /            replica=<RAILWAY_REPLICA_ID> version=<VERSION> host=<hostname>
//   GET /env         /proc/self/environ as it is
//   GET /health      200, or 503 between /sick and /well
//   GET /sleep/MS    answers after MS milliseconds
//   GET /exit/N      exits with N
//   GET /eat/MB      allocates and touches so many MiB
//   GET /log/TEXT    prints a line
//   GET /bytes/N     N bytes
//
// Variables: EXIT_AT_ONCE=N, START_DELAY_MS, LOG_LINES=N (numbered lines at the start, every second one of them to
// stderr with LOG_BOTH=1), LISTEN=0 (no port). SIGTERM: requests in flight are answered, then exit 0.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { kMaxConnections = 65536, kRequestBytes = 16384 };

struct connection {
  int fd;
  char in[kRequestBytes];
  size_t in_bytes;
  char* out;
  size_t out_bytes, out_sent;
  long long wake_at;  // a /sleep under way; 0: none
  int close_after;
};

static struct connection* connections[kMaxConnections];
static int highest = 0;
static int poller, listener = -1;
static volatile sig_atomic_t terminating = 0;

static void on_term(int signal_number) {
  (void)signal_number;
  terminating = 1;
}

static long long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static const char* variable(const char* name, const char* fallback) {
  const char* value = getenv(name);
  return value != NULL ? value : fallback;
}

static void drop(struct connection* c) {
  connections[c->fd] = NULL;
  close(c->fd);
  free(c->out);
  free(c);
}

static void watch(struct connection* c, unsigned events) {
  struct epoll_event e = {.events = events, .data.fd = c->fd};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static void flush_out(struct connection* c) {
  while (c->out_sent < c->out_bytes) {
    const ssize_t n = send(c->fd, c->out + c->out_sent, c->out_bytes - c->out_sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      watch(c, EPOLLIN | EPOLLOUT);
      return;
    }
    if (n <= 0) {
      drop(c);
      return;
    }
    c->out_sent += (size_t)n;
  }
  free(c->out);
  c->out = NULL;
  c->out_bytes = c->out_sent = 0;
  if (c->close_after || terminating)
    drop(c);
  else
    watch(c, EPOLLIN);
}

static void reply(struct connection* c, int status, const char* body, size_t bytes) {
  char head[256];
  const int n = snprintf(head, sizeof head,
                         "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n", status,
                         status == 200 ? "OK" : "No", bytes,
                         c->close_after || terminating ? "Connection: close\r\n" : "");
  c->out = malloc((size_t)n + bytes);
  memcpy(c->out, head, (size_t)n);
  memcpy(c->out + n, body, bytes);
  c->out_bytes = (size_t)n + bytes;
  c->out_sent = 0;
  flush_out(c);
}

static void reply_text(struct connection* c, int status, const char* text) {
  reply(c, status, text, strlen(text));
}

static void reply_env(struct connection* c) {
  size_t room = 1 << 20, used = 0;
  char* body = malloc(room);
  const int fd = open("/proc/self/environ", O_RDONLY);
  for (ssize_t n; (n = read(fd, body + used, room - used)) > 0;) {
    used += (size_t)n;
    if (used == room) body = realloc(body, room *= 2);
  }
  close(fd);
  reply(c, 200, body, used);
  free(body);
}

static void eat(long megabytes) {
  for (long i = 0; i < megabytes; ++i) memset(malloc(1 << 20), 1, 1 << 20);
}

static void answer(struct connection* c, const char* path) {
  struct stat unused;
  if (strcmp(path, "/") == 0) {
    char host[128] = "", text[1024];
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "replica=%s version=%s host=%s\n", variable("RAILWAY_REPLICA_ID", ""),
             variable("VERSION", ""), host);
    reply_text(c, 200, text);
  } else if (strcmp(path, "/env") == 0) {
    reply_env(c);
  } else if (strcmp(path, "/health") == 0) {
    if (stat("/tmp/sick", &unused) == 0)
      reply_text(c, 503, "sick\n");
    else
      reply_text(c, 200, "well\n");
  } else if (strcmp(path, "/sick") == 0) {
    mkdir("/tmp", 01777);
    close(open("/tmp/sick", O_CREAT | O_WRONLY, 0644));
    reply_text(c, 200, "sick\n");
  } else if (strcmp(path, "/well") == 0) {
    unlink("/tmp/sick");
    reply_text(c, 200, "well\n");
  } else if (strncmp(path, "/sleep/", 7) == 0) {
    c->wake_at = now_ms() + atol(path + 7);
  } else if (strncmp(path, "/exit/", 6) == 0) {
    exit(atoi(path + 6));
  } else if (strncmp(path, "/eat/", 5) == 0) {
    eat(atol(path + 5));
    reply_text(c, 200, "eaten\n");
  } else if (strncmp(path, "/log/", 5) == 0) {
    printf("%s\n", path + 5);
    reply_text(c, 200, "logged\n");
  } else if (strncmp(path, "/bytes/", 7) == 0) {
    const size_t bytes = (size_t)atol(path + 7);
    char* body = malloc(bytes + 1);
    memset(body, 'x', bytes);
    reply(c, 200, body, bytes);
    free(body);
  } else {
    reply_text(c, 404, "no such page\n");
  }
}

// One request at a time: what is pipelined waits in `in`. Bodies are not read: tests send none.
static void serve(struct connection* c) {
  const int fd = c->fd;
  while (connections[fd] == c && c->out == NULL && c->wake_at == 0) {
    char* end = memmem(c->in, c->in_bytes, "\r\n\r\n", 4);
    if (end == NULL) return;
    *end = 0;
    char path[4096] = "/";
    sscanf(c->in, "%*s %4095s", path);
    char* query = strchr(path, '?');
    if (query != NULL) *query = 0;
    c->close_after = strcasestr(c->in, "\nconnection: close") != NULL;
    const size_t used = (size_t)(end + 4 - c->in);
    memmove(c->in, c->in + used, c->in_bytes - used);
    c->in_bytes -= used;
    answer(c, path);
  }
}

static void readable(struct connection* c) {
  if (c->in_bytes == kRequestBytes) {
    drop(c);
    return;
  }
  const ssize_t n = recv(c->fd, c->in + c->in_bytes, kRequestBytes - c->in_bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    drop(c);
    return;
  }
  c->in_bytes += (size_t)n;
  serve(c);
}

static void accept_all(void) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= kMaxConnections) {
      close(fd);
      continue;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection* c = calloc(1, sizeof *c);
    c->fd = fd;
    connections[fd] = c;
    if (fd > highest) highest = fd;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

// Wakes sleepers; returns the milliseconds to the next one, at most 1000.
static int wake_sleepers(void) {
  const long long now = now_ms();
  long long next = now + 1000;
  for (int fd = 0; fd <= highest; ++fd) {
    struct connection* c = connections[fd];
    if (c == NULL || c->wake_at == 0) continue;
    if (c->wake_at <= now) {
      c->wake_at = 0;
      reply_text(c, 200, "slept\n");
      if (connections[fd] == c) serve(c);
    } else if (c->wake_at < next) {
      next = c->wake_at;
    }
  }
  return (int)(next - now);
}

static void finish_when_idle(void) {
  if (listener >= 0) {
    accept_all();
    close(listener);
    listener = -1;
  }
  int busy = 0;
  for (int fd = 0; fd <= highest; ++fd) {
    struct connection* c = connections[fd];
    if (c == NULL) continue;
    if (c->out == NULL && c->wake_at == 0) readable(c);
    c = connections[fd];
    if (c == NULL) continue;
    if (c->out != NULL || c->wake_at != 0)
      ++busy;
    else
      drop(c);
  }
  if (busy == 0) exit(0);
}

static void open_port(void) {
  listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1, zero = 0;
  struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(variable("PORT", "8080")))};
  struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = any6.sin6_port};
  struct sockaddr* address = (struct sockaddr*)&any6;
  socklen_t bytes = sizeof any6;
  if (listener < 0) {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address = (struct sockaddr*)&any4;
    bytes = sizeof any4;
  } else {
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  }
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, address, bytes) != 0 || listen(listener, 4096) != 0) {
    perror("listen");
    exit(1);
  }
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
}

static void print_lines(void) {
  const long lines = atol(variable("LOG_LINES", "0"));
  const int both = getenv("LOG_BOTH") != NULL;
  for (long i = 1; i <= lines; ++i) fprintf(both && i % 2 == 0 ? stderr : stdout, "line %ld\n", i);
  fflush(stdout);
}

int main(void) {
  struct sigaction action = {.sa_handler = on_term};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  print_lines();
  if (getenv("EXIT_AT_ONCE") != NULL) return atoi(getenv("EXIT_AT_ONCE"));
  usleep((useconds_t)atol(variable("START_DELAY_MS", "0")) * 1000);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (strcmp(variable("LISTEN", "1"), "0") != 0) open_port();
  for (;;) {
    if (terminating) finish_when_idle();
    const int wait = wake_sleepers();
    struct epoll_event events[256];
    const int n = epoll_wait(poller, events, 256, terminating ? (wait < 20 ? wait : 20) : wait);
    for (int i = 0; i < n; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all();
        continue;
      }
      struct connection* c = connections[fd];
      if (c != NULL && (events[i].events & EPOLLOUT) && c->out != NULL) flush_out(c);
      c = connections[fd];
      if (c != NULL && c->out == NULL) serve(c);
      c = connections[fd];
      if (c != NULL && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) readable(c);
    }
  }
}
