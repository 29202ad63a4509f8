{{- define "tidegate.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "tidegate.labels" -}}
app.kubernetes.io/name: tidegate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "tidegate.selector" -}}
app.kubernetes.io/name: tidegate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tidegate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Of the pod; both of its containers and the migration run as nobody in particular. */}}
{{- define "tidegate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tidegate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings of every process; roles and ports come besides. */}}
{{- define "tidegate.settings" -}}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: TIDEGATE_PROFILE
  value: prod
- name: TIDEGATE_GRPC_ACCESS
  value: token
- name: TIDEGATE_AUDIT_KEY_FILE
  value: /run/secrets/tidegate/audit.key
- name: SECRETS_DIR
  value: /run/secrets/tidegate
{{- if .Values.tls.trust }}
- name: SSL_CERT_FILE
  value: /run/trust/ca.crt
- name: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH
  value: /run/trust/ca.crt
{{- end }}
{{- end }}

{{- define "tidegate.mounts" -}}
- {name: secrets, mountPath: /run/secrets/tidegate, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: own, mountPath: /var/lib/tidegate}
{{- if .Values.tls.trust }}
- {name: trust, mountPath: /run/trust, readOnly: true}
{{- end }}
{{- end }}

{{- define "tidegate.volumes" -}}
- name: secrets
  secret: {secretName: {{ .Values.secret }}, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: own
  emptyDir: {sizeLimit: 64Mi}
{{- if .Values.tls.trust }}
- name: trust
  configMap: {name: {{ .Values.tls.trust }}}
{{- end }}
{{- end }}
