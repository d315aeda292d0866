# certificates.sh: the authority, the certificates and the kubeconfigs of the cluster. Sourced by up.sh.

# certificate NAME SUBJECT [SAN]: a key and a certificate of the cluster's authority.
certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$PKI/$1.key" -subj "$2" -out "$PKI/$1.csr" 2>/dev/null
  printf 'extendedKeyUsage = clientAuth, serverAuth\n%s\n' "${3:+subjectAltName = $3}" > "$PKI/extensions"
  openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 30 -extfile "$PKI/extensions" -out "$PKI/$1.crt" 2>/dev/null
  rm -f "$PKI/$1.csr" "$PKI/extensions"
}

# kubeconfig NAME: the kubeconfig of a client with a certificate.
kubeconfig() {
  cat > "$PKI/$1.kubeconfig" <<K
apiVersion: v1
kind: Config
current-context: podseal-test
contexts: [{name: podseal-test, context: {cluster: podseal-test, user: $1}}]
clusters: [{name: podseal-test, cluster: {server: "https://$NODE_IP:6443", certificate-authority: $PKI/ca.crt}}]
users: [{name: $1, user: {client-certificate: $PKI/$1.crt, client-key: $PKI/$1.key}}]
K
}

certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$PKI/ca.key" -subj /CN=podseal-test -days 30 -out "$PKI/ca.crt" 2>/dev/null
  certificate apiserver /CN=kube-apiserver "IP:127.0.0.1, IP:$NODE_IP, IP:$SERVICE_IP, DNS:localhost, DNS:kubernetes.default.svc"
  certificate kubelet-serving "/CN=$NODE" "IP:$NODE_IP, DNS:$NODE"
  certificate to-kubelet /O=system:masters/CN=apiserver
  certificate admin /O=system:masters/CN=admin
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE"
  certificate controllers /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  local client
  for client in admin kubelet controllers scheduler; do kubeconfig "$client"; done
  openssl genrsa -out "$PKI/tokens.key" 2048 2>/dev/null
  openssl rsa -in "$PKI/tokens.key" -pubout -out "$PKI/tokens.pub" 2>/dev/null
}
