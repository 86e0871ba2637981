FROM busybox:latest
ARG GREETING
RUN --mount=type=secret,id=TOKEN --mount=type=secret,id=ALSO mkdir /www && echo well >/www/health && \
    echo "greeting $GREETING, token $(wc -c </run/secrets/TOKEN) bytes, also $(wc -c </run/secrets/ALSO) bytes" >/www/index.html
USER nobody
CMD ["sh", "-c", "exec httpd -f -p $PORT -h /www"]
