package diff_test

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/diff"
)

// The names of folders and files that real applications make. A fixed name that is taken for a random one costs a mount
// that is wider than needed; a random name that is taken for a fixed one costs a round.
const (
	fixedNames = `
		node_modules .cache client_temp proxy_temp fastcgi_temp uwsgi_temp scgi_temp nginx nginx.pid conf.d hsperfdata_nobody
		hsperfdata_root hsperfdata_app run log logs data cache tmp temp tmpfiles tmpfiles.d tmpdir python3.11 python3.12
		perl5 ruby-3.2.0 nginx-1.25 nginx-1.25.3 openjdk-17 java-17-openjdk-amd64 jdk-21.0.2 node-v20.11.0-linux-x64 lib64
		x86_64-linux-gnu site-packages __pycache__ Catalina localhost webapps work ROOT apache2 postgresql 16-main
		.s.PGSQL.5432 pg_wal pg_xact base global mysql mysqld mysqlx.sock performance_schema ib_logfile0 redis
		redis-server.pid dump.rdb appendonlydir appendonly.aof.1.base.rdb rabbit rabbitmq-env.conf enabled_plugins
		.erlang.cookie uploads sessions sess .npm .yarn .config .local matplotlib fontconfig supervisor supervisord.pid
		gunicorn.ctl prometheus wal chunks_head 00000001 queries.active grafana.db plugins kafka-logs version-2
		__consumer_offsets-0 my-topic-12 elasticsearch nodes _state indices es-data mongodb WiredTiger journal sqlite3
		app.db-wal app.db-shm lost+found letsencrypt acme.json ssl-cert-snakeoil.pem .well-known htpasswd_users
		release_2024 v2024.1 2024.0.1 3.2026 backup-latest log4j2 http2 utf8 sha256 md5sum base64 v1 v1.2.3 2.7.18 index.html main.js
		bundle.min.js my_application MyApplication dockerEntrypoint jetty-home jetty-base tomcat9 tomcat.8080 wildfly-26
		standalone deployments .metadata INSTALL_DIR cache_2 level1 a b c 0 1 ff fa3 deadbeef facade decade cafebabe
		default.conf.template 10-listen-on-ipv6-by-default.sh en_US zh_CN ISO8859-1 openssl-1.1.1 glibc-2.36
		app-v2 shard-0 pod-template data-integration user_settings Application_Support com.example.App Contents
		worker-process-1 spool anacron mail www-data ldap slapd.d pkcs11 x509 systemd-resolved
		0000000000000001.snap ABCDEF0123.key
		worker-pool_1 worker-pool_1.log user-StateStore.json com.example.MyApplication my-appConfig.json api-v1beta1.json
		native-x86_64.so postgresql-16_main.log server.tlsCert.pem
		nats-server jetstream mosquitto.db couchdb.uri prometheus2 alertmanager.yml 127.0.0.1 localhost_8080 tls.crt
	`
	randomNames = `
		tmpab12cd tmp_k3j9x1z tmpx8v7b2qa tmpAbCdEf tmp.Xa8sKq2LfQ tmp.pXGzJ0bQk1 tomcat.8080.1234567
		tomcat.8080.1415926535897932384 tomcat-docbase.8080.7463527182736455 up-123456789 upload_5f3a9b7c2d1e
		systemd-private-8a6d1f0c3b5e4d7a9c2b1e0f4d3c2b1a-nginx.service-AbCdEf 3f2504e0-4f89-11d3-9a0c-0305e82c3301
		9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d jetty-0_0_0_0-8080-app_war-_-any-4831234567890123456
		jetty-docbase.8080.2837465564738291 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
		da39a3ee5e6b4b0d3255bfef95601890afd80709 d41d8cd98f00b204e9800998ecf8427e hsperf-7f3a2b9c
		gunicorn-a8x3kq2z wgunicorn-x1y2z3w4 pymp-2k8fj3la ssh-XYZabc123456 mongodb-27017-aB3xQ9 npm-1234-a1b2c3d4
		vaadin-session-8f14e45fceea167a sess_4f7c2d9e8b1a3c5d7e9f1a2b3c4d5e6f
		magick-12345abcdeFGHIJ libreoffice-AbC123xyz .com.google.Chrome.AbCd12 2026-11-23 2026_11 2026 app-2026.11.23 access.log.2026-11-23 20261123 puppeteer_dev_chrome_profile-XyZ12a
		undertow.8080.8123456789012345678 spring.log.1a2b3c4d5e6f cargo-installXy3aB9 20240115093011 1705312211
		snap-private-1f2e3d4c sqlite_3AbX9zQ1kLmN buildkit-mount1234567890 go-build3141592653 pip-req-build-x8a7s6d5
		8DF907CB8B6256CA68EADC4D73C6EC368ED79B43.key 8f14e45fceea167a5a36dedd4bea2543.json 8F14E45FCEEA167A
		a-stderr---supervisor-02sw1lek.log upload_x7k2Qz9a.part
		pip-unpack-abc1def2 _MEIabc123 _MEI4xKq2Z ansible-tmp-1700000000.12-345 tmpz0kq4w5y.tmp 32192c29 0a1b2c3d rb20240115-1-abc123
	`
)

func TestRandom(t *testing.T) {
	for _, n := range strings.Fields(fixedNames) {
		if diff.Random(n) {
			t.Errorf("Random(%s) = true", n)
		}
	}
	for _, n := range strings.Fields(randomNames) {
		if !diff.Random(n) {
			t.Errorf("Random(%s) = false", n)
		}
	}
}
