package transport_test

import (
	"fmt"
	"net"

	"presenced/sip"
	"presenced/sip/siptest"
	"presenced/sip/transport"
)

// A transport that echoes each message on the flow that
// it came on.
func Example() {
	network := siptest.NewNetwork()
	agent := network.ListenPacket("192.0.2.1:5060")
	var tr *transport.Transport
	tr = transport.New(transport.Config{Receiver: receiverFunc(func(data []byte, flow sip.Flow, _ error) {
		if err := tr.Send(flow, append([]byte("heard: "), data...)); err != nil {
			fmt.Println(err)
		}
	})})
	defer tr.Close()
	tr.ServePacket(agent, "presence.example.com")
	fmt.Println(tr.Addrs())

	phone := network.ListenPacket("192.0.2.7:5060")
	defer phone.Close()
	if _, err := phone.WriteTo([]byte("OPTIONS sip:example.com SIP/2.0"), net.UDPAddrFromAddrPort(tr.Addrs()[0].AddrPort)); err != nil {
		fmt.Println(err)
	}
	answer := make([]byte, 100)
	n, from, err := phone.ReadFrom(answer)
	fmt.Println(string(answer[:n]), from, err)
	// Output:
	// [UDP 192.0.2.1:5060]
	// heard: OPTIONS sip:example.com SIP/2.0 192.0.2.1:5060 <nil>
}
