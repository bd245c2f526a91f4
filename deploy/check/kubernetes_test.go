// Package deploy checks the deployment files with the code that reads them: Kubernetes' own types, BuildKit's parser
// and systemd. It is a separate module, so that the gateway does not depend on these.
package deploy

import (
	"os"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Every document of the manifest has a known kind and only fields of that kind, and every name in it refers to
// something that exists.
func TestManifestIsValidAndConsistent(t *testing.T) {
	text, err := os.ReadFile("../kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var secret core.Secret
	var config core.ConfigMap
	var deployment apps.Deployment
	var service core.Service
	objects := map[string]any{
		"v1 Secret": &secret, "v1 ConfigMap": &config, "apps/v1 Deployment": &deployment, "v1 Service": &service,
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		name := kind.APIVersion + " " + kind.Kind
		object := objects[name]
		if object == nil {
			t.Errorf("a document has the kind %q, which is repeated or unknown to this test", name)
			continue
		}
		delete(objects, name)
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(objects) > 0 {
		t.Fatalf("the manifest lacks %v", objects)
	}

	pod := deployment.Spec.Template
	for name, selector := range map[string]map[string]string{
		"deployment": deployment.Spec.Selector.MatchLabels, "service": service.Spec.Selector,
	} {
		for k, v := range selector {
			if pod.Labels[k] != v {
				t.Errorf("the %s selects %s=%s, but its pods lack this label", name, k, v)
			}
		}
	}
	c := pod.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if got := service.Spec.Ports[0].TargetPort.StrVal; ports[got] != port(t, config.Data["DELIVERYGRAPH_LISTEN"]) {
		t.Errorf("the service sends to port %q, which the gateway does not listen on", got)
	}
	for name, probe := range map[string]*core.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
		if probe.HTTPGet.Path != name || ports[probe.HTTPGet.Port.StrVal] != port(t,
			config.Data["DELIVERYGRAPH_ADMIN_LISTEN"]) {
			t.Errorf("%s requests %s from port %q, which is not the admin port", name, probe.HTTPGet.Path,
				probe.HTTPGet.Port.StrVal)
		}
	}
	if got := c.EnvFrom[0].ConfigMapRef.Name; got != config.Name {
		t.Errorf("settings come from %q, which does not exist", got)
	}
	for _, e := range c.Env {
		if ref := e.ValueFrom; ref != nil && (ref.SecretKeyRef.Name != secret.Name ||
			secret.StringData[ref.SecretKeyRef.Key] == "") {
			t.Errorf("%s comes from %v, which does not exist", e.Name, ref.SecretKeyRef)
		}
	}
	if !slices.ContainsFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "DELIVERYGRAPH_AUTH_MASK_SECRET" }) {
		t.Error("replicas mask addresses with secrets of their own, so a caller sees different pseudonyms")
	}
	mount, volume := c.VolumeMounts[0], pod.Spec.Volumes[0]
	item := volume.Secret.Items[0]
	if mount.Name != volume.Name || volume.Secret.SecretName != secret.Name || secret.StringData[item.Key] == "" ||
		config.Data["DELIVERYGRAPH_AUTH_KEYS"] != mount.MountPath+"/"+item.Path {
		t.Error("the file of keys is not mounted where the gateway reads it")
	}
	if s := c.SecurityContext; !*pod.Spec.SecurityContext.RunAsNonRoot || !*s.ReadOnlyRootFilesystem ||
		*s.AllowPrivilegeEscalation || !slices.Contains(s.Capabilities.Drop, "ALL") {
		t.Error("the gateway has privileges that it does not need")
	}
}

func port(t *testing.T, listen string) int32 {
	t.Helper()
	switch listen {
	case "0.0.0.0:8080":
		return 8080
	case "0.0.0.0:9090":
		return 9090
	}
	t.Errorf("it listens on %q", listen)
	return 0
}
