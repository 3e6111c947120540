"""nginx in all its parts here: the host, the judge of tokens, and three of the peers."""

import os

PATIENCE = 600
KEPT = 1_000_000_000
ANSWER = '{"slug":"app","id":17,"name":"app","state":"AVAILABLE","public":false}'


def start(machine, servers, name, port, workers):
    """Starts one with these servers, and all that it writes in the machine's folder."""
    place = machine.folder / f"nginx-{name}-{port}"
    place.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    paths = "".join(f"{kind}_temp_path {place}/{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = place / "nginx.conf"
    file.write_text(f"""
{user}
daemon off;
worker_processes {workers};
pid {place}/pid;
error_log {place}/error.log error;
events {{ worker_connections 16384; }}
http {{
access_log off;
sendfile on;
tcp_nopush on;
keepalive_timeout {PATIENCE}s;
keepalive_requests {KEPT};
client_max_body_size 0;
client_header_timeout {PATIENCE}s;
map_hash_bucket_size 256;
map_hash_max_size 65536;
{paths}
{servers}
}}
""")
    return machine.start(["nginx", "-p", place, "-e", place / "error.log", "-c", file], port)


def host(port, file):
    """A host that answers at once: a little JSON, or a large file."""
    return f"""
server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{ default_type application/json; return 200 '{ANSWER}'; }}
    location = /rest/api/latest/projects/TEAM/repos/app/archive {{
        default_type application/octet-stream;
        alias {file};
    }}
}}
"""


def git_host(port, repositories, socket, backend):
    """A host of a folder of repositories: git's own CGI by way of fcgiwrap, as many run it. Whoever reaches
    it may do everything, as is right for a host that only its proxy reaches."""
    return f"""
server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{
        fastcgi_pass unix:{socket};
        fastcgi_request_buffering off;
        fastcgi_max_temp_file_size 0;
        fastcgi_read_timeout {PATIENCE}s;
        fastcgi_send_timeout {PATIENCE}s;
        fastcgi_buffers 16 64k;
        fastcgi_param SCRIPT_FILENAME {backend};
        fastcgi_param GIT_PROJECT_ROOT {repositories};
        fastcgi_param GIT_HTTP_EXPORT_ALL "";
        fastcgi_param GIT_PROTOCOL $http_git_protocol;
        fastcgi_param PATH_INFO $uri;
        fastcgi_param QUERY_STRING $query_string;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param SERVER_PROTOCOL $server_protocol;
        fastcgi_param REMOTE_USER "bench";
        fastcgi_param REMOTE_ADDR $remote_addr;
    }}
}}
"""


def judge(port, tokens):
    """A server for `auth_request` that knows the tokens in use."""
    return f"""
map $http_authorization $known {{
    include {tokens};
    default "";
}}
server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location / {{
        if ($known = "") {{ return 401; }}
        add_header X-User $known;
        return 204;
    }}
}}
"""


def proxy(port, site, tls, tuned, judge_port):
    """A proxy in front of a site."""
    ssl = " ssl http2" if site.tls else ""
    files = f"ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key};" if site.tls else ""
    large = "proxy_buffer_size 256k; proxy_buffers 8 256k; proxy_busy_buffers_size 512k; " \
            "client_body_buffer_size 256k;" if tuned else ""
    judged = ask = keep_judge = ""
    if judge_port:
        keep_judge = _kept("judge", judge_port)
        judged = "auth_request /-judge; auth_request_set $user $upstream_http_x_user; " \
                 "proxy_set_header X-Forwarded-User $user; proxy_set_header Authorization '';"
        ask = """location = /-judge {
        internal;
        proxy_pass http://judge;
        proxy_pass_request_body off;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Content-Length "";
    }"""
    return f"""
{_kept("host", site.upstream)}
{keep_judge}
server {{
    listen 127.0.0.1:{port}{ssl} reuseport backlog=4096;
    {files}
    location / {{
        proxy_pass http://host;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_request_buffering off;
        proxy_max_temp_file_size 0;
        proxy_read_timeout {PATIENCE}s;
        proxy_send_timeout {PATIENCE}s;
        {large}
        {judged}
    }}
    {ask}
}}
"""


def _kept(name, port):
    """A server further on whose connections are kept."""
    return f"""upstream {name} {{
    server 127.0.0.1:{port};
    keepalive 1024;
    keepalive_requests {KEPT};
    keepalive_timeout {PATIENCE}s;
}}"""
