module presenced

go 1.26.0

require (
	github.com/beevik/etree v1.8.1 // XML documents edited by path, and the oracle that our streaming reader is tested against
	github.com/emiago/sipgo v1.7.2 // SIP message, header and URI types with their parsers; the messenger's user agent
	github.com/pelletier/go-toml/v2 v2.4.3 // the configuration file: strict decoding that knows lines
	github.com/prometheus/client_golang v1.25.0 // /metrics
	github.com/redis/go-redis/v9 v9.23.0 // the Redis engine's client: pipelines, Sentinel, Cluster, sharded pub/sub
	go.etcd.io/bbolt v1.5.0 // the embedded engine's durable state: one file, synced transactions
	golang.org/x/net v0.62.0 // recvmmsg and sendmmsg: batches of datagrams
	golang.org/x/sys v0.49.0 // system calls that package net has not: blocking batches, the load generator's sockets
	golang.org/x/term v0.47.0 // reading a password from the terminal without echo
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/pool v0.2.1 // indirect
	github.com/gobwas/ws v1.3.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/icholy/digest v1.2.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
