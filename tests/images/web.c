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
//   GET /stream/N    N pieces of 1 KiB, one each 100 ms
//   POST /upload     takes the body: received=<bytes> replica=... version=... host=...
//   GET /ws          a WebSocket (RFC 6455) that sends back what it gets, in frames up to 125 bytes
//
// Variables: EXIT_AT_ONCE=N, START_DELAY_MS, LOG_LINES=N (numbered lines at the start, every second one of them to
// stderr with LOG_BOTH=1), LISTEN=0 (no port). Bad versions: FAIL_EVERY=N (each N-th GET / is a 500), SLOW_MS=N (GET /
// waits so long), CRASH_AFTER_MS=N (exits with 3), UNHEALTHY=1 (/health is 503).
// SIGTERM: requests in flight are answered, then exit 0.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
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
  long long wake_at;  // a /sleep, a slow / or a /stream under way; 0: none
  int close_after;
  int slow;           // wake_at is for GET /
  long stream_left;   // pieces
  long long body_left, received;  // of an upload
  int uploading, web_socket, close_asked;
};

enum { kPieceBytes = 1024, kPieceMs = 100 };

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
  if (c->stream_left > 0 && !c->close_asked) {
    c->wake_at = now_ms() + kPieceMs;
    watch(c, EPOLLIN);
  } else if (c->web_socket && !c->close_asked) {
    watch(c, EPOLLIN);
  } else if (c->close_after || c->close_asked || terminating)
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

static void send_bytes(struct connection* c, const void* bytes, size_t count) {
  c->out = malloc(count);
  memcpy(c->out, bytes, count);
  c->out_bytes = count;
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

// Who answers, with what stands before it.
static void reply_who(struct connection* c, int status, const char* first) {
  char host[128] = "", text[1024];
  gethostname(host, sizeof host - 1);
  snprintf(text, sizeof text, "%sreplica=%s version=%s host=%s\n", first, variable("RAILWAY_REPLICA_ID", ""),
           variable("VERSION", ""), host);
  reply_text(c, status, text);
}

static void reply_root(struct connection* c) {
  static long asked = 0;
  const long every = atol(variable("FAIL_EVERY", "0"));
  reply_who(c, every > 0 && ++asked % every == 0 ? 500 : 200, "");
}

// ---- a stream ----

static void begin_stream(struct connection* c, long pieces) {
  char head[256];
  const int n = snprintf(head, sizeof head,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %ld\r\n%s\r\n",
                         pieces * kPieceBytes, c->close_after ? "Connection: close\r\n" : "");
  c->stream_left = pieces;
  send_bytes(c, head, (size_t)n);
}

static void send_piece(struct connection* c) {
  char piece[kPieceBytes];
  memset(piece, 's', sizeof piece);
  piece[kPieceBytes - 1] = '\n';
  --c->stream_left;
  send_bytes(c, piece, sizeof piece);
}

// ---- a WebSocket ----

static uint32_t rotated(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

// SHA-1 of a text of at most 119 bytes (RFC 3174).
static void sha1(const char* text, unsigned char digest[20]) {
  unsigned char blocks[128] = {0};
  const size_t bytes = strlen(text), whole = bytes < 56 ? 64 : 128;
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, w[80];
  memcpy(blocks, text, bytes);
  blocks[bytes] = 0x80;
  blocks[whole - 2] = (unsigned char)(bytes * 8 >> 8);
  blocks[whole - 1] = (unsigned char)(bytes * 8);
  for (size_t at = 0; at < whole; at += 64) {
    for (int i = 0; i < 16; ++i)
      w[i] = (uint32_t)blocks[at + 4 * i] << 24 | (uint32_t)blocks[at + 4 * i + 1] << 16 |
             (uint32_t)blocks[at + 4 * i + 2] << 8 | blocks[at + 4 * i + 3];
    for (int i = 16; i < 80; ++i) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; ++i) {
      const uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      const uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
      const uint32_t next = rotated(a, 5) + f + e + k + w[i];
      e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; ++i) digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const unsigned char digest[20], char text[29]) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0, o = 0; i < 21; i += 3, o += 4) {
    const uint32_t three = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | (i + 2 < 20 ? digest[i + 2] : 0);
    for (int j = 0; j < 4; ++j) text[o + j] = letters[three >> (18 - 6 * j) & 63];
  }
  text[27] = '=';
  text[28] = 0;
}

static void upgrade(struct connection* c) {
  char key[64] = "", challenge[120], accept[29], head[512];
  unsigned char digest[20];
  const char* line = strcasestr(c->in, "\nsec-websocket-key:");
  if (line == NULL || sscanf(line + 19, " %63s", key) != 1) {
    reply_text(c, 400, "no Sec-WebSocket-Key\n");
    return;
  }
  snprintf(challenge, sizeof challenge, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  sha1(challenge, digest);
  base64(digest, accept);
  const int n = snprintf(head, sizeof head,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\nX-Version: %s\r\n\r\n",
                         accept, variable("VERSION", ""));
  c->web_socket = 1;
  send_bytes(c, head, (size_t)n);
}

// One frame at a time; 0: not whole yet, or the connection is gone.
static int serve_frame(struct connection* c) {
  unsigned char* in = (unsigned char*)c->in;
  if (c->in_bytes < 6) return 0;
  const size_t bytes = in[1] & 127;
  const unsigned opcode = in[0] & 15;
  if (bytes > 125 || !(in[1] & 128)) {
    drop(c);
    return 0;
  }
  if (c->in_bytes < 6 + bytes) return 0;
  unsigned char out[127];
  out[0] = (unsigned char)(128 | (opcode == 9 ? 10 : opcode));
  out[1] = (unsigned char)bytes;
  for (size_t i = 0; i < bytes; ++i) out[2 + i] = in[6 + i] ^ in[2 + i % 4];
  c->in_bytes -= 6 + bytes;
  memmove(c->in, c->in + 6 + bytes, c->in_bytes);
  if (opcode == 10) return 1;
  c->close_asked = opcode == 8;
  send_bytes(c, out, 2 + bytes);
  return 1;
}

// ---- an upload ----

static void take_body(struct connection* c) {
  const size_t mine = (long long)c->in_bytes < c->body_left ? c->in_bytes : (size_t)c->body_left;
  c->in_bytes -= mine;
  memmove(c->in, c->in + mine, c->in_bytes);
  c->received += (long long)mine;
  c->body_left -= (long long)mine;
  if (c->body_left > 0) return;
  char text[64];
  snprintf(text, sizeof text, "received=%lld ", c->received);
  c->uploading = 0;
  reply_who(c, 200, text);
}

static void answer(struct connection* c, const char* path) {
  struct stat unused;
  if (strcmp(path, "/") == 0) {
    const long slow = atol(variable("SLOW_MS", "0"));
    c->slow = slow > 0;
    if (c->slow)
      c->wake_at = now_ms() + slow;
    else
      reply_root(c);
  } else if (strcmp(path, "/env") == 0) {
    reply_env(c);
  } else if (strcmp(path, "/health") == 0) {
    if (stat("/tmp/sick", &unused) == 0 || getenv("UNHEALTHY") != NULL)
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
  } else if (strncmp(path, "/stream/", 8) == 0) {
    begin_stream(c, atol(path + 8));
  } else if (strncmp(path, "/sleep/", 7) == 0) {
    c->slow = 0;
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

// One request at a time: what is pipelined waits in `in`. Only /upload reads a body.
static void serve(struct connection* c) {
  const int fd = c->fd;
  while (connections[fd] == c && c->out == NULL && c->wake_at == 0) {
    if (c->web_socket) {
      if (!serve_frame(c)) return;
      continue;
    }
    if (c->uploading) {
      take_body(c);
      if (connections[fd] == c && c->uploading) return;
      continue;
    }
    char* end = memmem(c->in, c->in_bytes, "\r\n\r\n", 4);
    if (end == NULL) return;
    *end = 0;
    char path[4096] = "/";
    sscanf(c->in, "%*s %4095s", path);
    char* query = strchr(path, '?');
    if (query != NULL) *query = 0;
    c->close_after = strcasestr(c->in, "\nconnection: close") != NULL;
    const size_t used = (size_t)(end + 4 - c->in);
    const int socket_asked = strcmp(path, "/ws") == 0;
    if (strcmp(path, "/upload") == 0) {
      const char* length = strcasestr(c->in, "\ncontent-length:");
      c->body_left = length != NULL ? atoll(length + 16) : 0;
      c->received = 0;
      c->uploading = 1;
    }
    if (socket_asked) upgrade(c);
    if (connections[fd] != c) return;
    memmove(c->in, c->in + used, c->in_bytes - used);
    c->in_bytes -= used;
    if (!socket_asked && !c->uploading) answer(c, path);
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
      if (c->stream_left > 0)
        send_piece(c);
      else if (c->slow)
        reply_root(c);
      else
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
    if (c->out != NULL || c->wake_at != 0 || c->uploading)
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
  const long crash_after = atol(variable("CRASH_AFTER_MS", "0"));
  const long long begin = now_ms();
  if (strcmp(variable("LISTEN", "1"), "0") != 0) open_port();
  for (;;) {
    if (terminating) finish_when_idle();
    int wait = wake_sleepers();
    if (crash_after > 0) {
      const long long left = begin + crash_after - now_ms();
      if (left <= 0) exit(3);
      if (left < wait) wait = (int)left;
    }
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
