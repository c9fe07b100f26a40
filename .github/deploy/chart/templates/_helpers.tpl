{{- define "webcare.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "webcare.name" -}}
{{ printf "%s-%s" (.root.Release.Name | trunc 50 | trimSuffix "-") .part }}
{{- end }}

{{- define "webcare.selector" -}}
app.kubernetes.io/name: webcare-bot
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "webcare.labels" -}}
{{ include "webcare.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- /* A Deployment of one part: root, part, values, arguments, readiness, surge, unavailable. */ -}}
{{- define "webcare.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "webcare.name" . }}
  labels: {{- include "webcare.labels" . | nindent 4 }}
spec:
  replicas: {{ .values.replicas }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxSurge: {{ .surge }}, maxUnavailable: {{ .unavailable }}}
  selector:
    matchLabels: {{- include "webcare.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "webcare.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "webcare.name" (dict "root" .root "part" "bot") }}
      {{- include "webcare.pod" .root | nindent 6 }}
      # Five seconds in which nobody is sent here any more, then at most ten until it has ended.
      terminationGracePeriodSeconds: 20
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "webcare.selector" . | nindent 14 }}
      containers:
        - name: {{ .part }}
          args: {{ .arguments | toJson }}
          {{- include "webcare.container" .root | nindent 10 }}
          ports: [{name: http, containerPort: 3000}]
          resources: {{- toYaml .values.resources | nindent 12 }}
          startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 60}
          livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3}
          readinessProbe: {httpGet: {path: {{ .readiness }}, port: http}, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2}
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
      volumes: {{- include "webcare.volumes" .root | nindent 8 }}
{{- end }}

{{- define "webcare.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with .Values.runAsUser }}
  runAsUser: {{ . }}
  {{- end }}
  {{- with .Values.runAsGroup }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "webcare.container" -}}
image: {{ include "webcare.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom: [{secretRef: {name: {{ required "existingSecret names the Secret with the tokens and DATABASE_URL" .Values.existingSecret }}}}]
env:
  - {name: HOST, value: "0.0.0.0"}
  - {name: PORT, value: "3000"}
  - {name: WATCH_PORT, value: "3000"}
  - {name: LOG_FORMAT, value: {{ .Values.settings.LOG_FORMAT | default "json" }}}
  {{- range $name, $value := omit .Values.settings "LOG_FORMAT" }}
  - {name: {{ $name }}, value: {{ $value | toString | quote }}}
  {{- end }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: data, mountPath: /data}
{{- end }}

{{- define "webcare.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 256Mi}}
- {name: data, emptyDir: {sizeLimit: 256Mi}}
{{- end }}

{{- define "webcare.ways-out" -}}
- ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
- to: {{- toYaml .Values.networkPolicy.database.to | nindent 4 }}
  ports: [{protocol: TCP, port: {{ .Values.networkPolicy.database.port }}}]
{{- end }}
