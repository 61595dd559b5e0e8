{{/* Names, labels and what several pods have in common. */}}

{{- define "modelyard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "modelyard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "modelyard.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "modelyard.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Takes (list $ component). */}}
{{- define "modelyard.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "modelyard.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "modelyard.labels" -}}
{{- $root := index . 0 -}}
{{ include "modelyard.selector" . }}
app.kubernetes.io/version: {{ include "modelyard.tag" $root | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: modelyard
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Without the chart's version, so that a change of the chart alone starts no new pods. */}}
{{- define "modelyard.podLabels" -}}
{{ include "modelyard.selector" . }}
app.kubernetes.io/version: {{ include "modelyard.tag" (index . 0) | quote }}
app.kubernetes.io/part-of: modelyard
{{- end -}}

{{- define "modelyard.tag" -}}
{{- default .Chart.AppVersion .Values.image.tag -}}
{{- end -}}

{{/* Takes (list $ image). */}}
{{- define "modelyard.image" -}}
{{- $root := index . 0 -}}
{{- printf "%s/%s:%s" $root.Values.image.prefix (index . 1) (include "modelyard.tag" $root) -}}
{{- end -}}

{{- define "modelyard.tritonImage" -}}
{{- if .Values.triton.image -}}
{{- .Values.triton.image -}}
{{- else if eq .Values.profile "cuda" -}}
{{- include "modelyard.image" (list . "triton-cuda") -}}
{{- else -}}
{{- include "modelyard.image" (list . "triton-openvino") -}}
{{- if hasPrefix "intel-" .Values.profile }}-intel{{ end -}}
{{- end -}}
{{- end -}}

{{/* The name under which a device plugin offers the profile's device; empty on cpu. */}}
{{- define "modelyard.acceleratorResource" -}}
{{- $byProfile := dict "cpu" "" "cuda" "nvidia.com/gpu" "intel-gpu" "gpu.intel.com/i915" "intel-npu" "npu.intel.com/accel" -}}
{{- if ne .Values.profile "cpu" -}}
{{- default (get $byProfile .Values.profile) .Values.triton.accelerator.resource -}}
{{- end -}}
{{- end -}}

{{/* Extended resources are asked for as limits; Kubernetes sets the same request. */}}
{{- define "modelyard.tritonResources" -}}
{{- $resources := deepCopy .Values.triton.resources -}}
{{- with include "modelyard.acceleratorResource" . -}}
{{- $limits := get $resources "limits" | default dict -}}
{{- $_ := set $limits . ($.Values.triton.accelerator.count | int) -}}
{{- $_ := set $resources "limits" $limits -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- define "modelyard.secretName" -}}
{{- default (printf "%s-key" (include "modelyard.fullname" .)) .Values.auth.existingSecret -}}
{{- end -}}

{{- define "modelyard.claimName" -}}
{{- default (printf "%s-models" (include "modelyard.fullname" .)) .Values.models.volume.existingClaim -}}
{{- end -}}

{{- define "modelyard.tritonService" -}}
{{- printf "%s-triton" (include "modelyard.fullname" .) -}}
{{- end -}}

{{/* Takes (list $ component). */}}
{{- define "modelyard.podSecurityContext" -}}
{{- $root := index . 0 -}}
runAsNonRoot: true
runAsUser: {{ $root.Values.podSecurity.runAsUser }}
runAsGroup: {{ $root.Values.podSecurity.runAsGroup }}
fsGroup: {{ $root.Values.podSecurity.fsGroup }}
{{- if eq (index . 1) "triton" }}
{{- with $root.Values.triton.accelerator.renderGroups }}
supplementalGroups:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
# A volume with many large files is not walked at each start.
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "modelyard.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Pods of one component on different zones and nodes where that can be. Takes (list $ component). */}}
{{- define "modelyard.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "modelyard.selector" $ | nindent 6 }}
{{- end }}
{{- end -}}

{{/* What the pods of gateways, Tritons, jobs and tests have in common. Takes (list $ component). */}}
{{- define "modelyard.podCommon" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "modelyard.fullname" $root }}
automountServiceAccountToken: false
# Kubernetes would otherwise set MODELYARD_PORT=tcp://... for a Service named modelyard, which is a setting of ours.
enableServiceLinks: false
securityContext:
  {{- include "modelyard.podSecurityContext" . | nindent 2 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes (list $ component values). */}}
{{- define "modelyard.placement" -}}
{{- $values := index . 2 -}}
topologySpreadConstraints:
  {{- include "modelyard.spread" (list (index . 0) (index . 1)) | trim | nindent 2 }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The gateways' settings: the chart's own, and over them gateway.settings. */}}
{{- define "modelyard.gatewayEnvironment" -}}
{{- $settings := dict
  "MODELYARD_HOST" "0.0.0.0"
  "MODELYARD_PORT" "11434"
  "MODELYARD_SOCKET" ""
  "MODELYARD_API_KEY_FILE" (printf "/run/secrets/modelyard/%s" .Values.auth.secretKey)
  "MODELYARD_TRITON_URLS" (printf "dns://%s:8001" (include "modelyard.tritonService" .))
  "MODELYARD_MODEL_REPOSITORY" "/models"
  "MODELYARD_KEEP_ALIVE" "-1"
  "MODELYARD_ALLOW_PULL" "false"
  "MODELYARD_QUEUE_LIMIT" (.Values.gateway.queueLimit | toString)
  "MODELYARD_DRAIN_TIMEOUT_S" (.Values.gateway.drainSeconds | toString)
  "MODELYARD_LOG_FORMAT" "json"
-}}
{{- with .Values.models.load -}}
{{- $_ := set $settings "MODELYARD_MODELS" (join "," .) -}}
{{- end -}}
{{- range $name, $value := .Values.gateway.settings -}}
{{- $_ := set $settings $name ($value | toString) -}}
{{- end -}}
{{- range $name, $value := $settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}
