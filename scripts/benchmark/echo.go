package main

import (
	"bytes"
	"errors"
	"net"

	"golang.org/x/net/ipv4"
)

// echo is the kernel's floor: it reads datagrams in batches and sends each
// back where it came from. Of a request only the first line is another, so
// that the same generator can drive it: no parsing, no state, no timers.
func echo(address string) error {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return err
	}
	socket, err := net.ListenUDP("udp", addr)
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.SetReadBuffer(4_000_000); err != nil {
		return err
	}
	const batch = 64 // datagrams
	conn := ipv4.NewPacketConn(socket)
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, batch)
	for i := range in {
		in[i].Buffers, out[i].Buffers = [][]byte{make([]byte, 1<<16)}, make([][]byte, 1)
	}
	for {
		n, err := conn.ReadBatch(in, 0)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		answers := 0
		for i := range max(n, 0) {
			if answer := ok(in[i].Buffers[0][:in[i].N]); answer != nil {
				out[answers].Buffers[0], out[answers].Addr = answer, in[i].Addr
				answers++
			}
		}
		for sent := 0; sent < answers; {
			m, err := conn.WriteBatch(out[sent:answers], 0)
			if err != nil {
				break // whoever asked is gone
			}
			sent += m
		}
	}
}

const statusLine = "SIP/2.0 200 OK"

// ok puts a status line in the place of the request line, from the right.
func ok(request []byte) []byte {
	line := bytes.IndexByte(request, '\r')
	if line < len(statusLine) || bytes.HasPrefix(request, []byte("SIP/")) {
		return nil
	}
	at := line - len(statusLine)
	copy(request[at:], statusLine)
	return request[at:]
}
