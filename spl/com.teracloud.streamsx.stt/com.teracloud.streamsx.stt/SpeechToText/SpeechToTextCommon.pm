# What both templates of SpeechToText ask of the operator instance, and what can be checked when it is compiled.
package SpeechToTextCommon;

use strict;
use warnings;

# Output function => its SPL type, and the attributes it fills by default.
our %FUNCTIONS = (
    getUtteranceText             => ['rstring',       [qw(transcription text utteranceText utterance)]],
    getUtteranceNumber           => ['int32',         ['utteranceNumber']],
    isFinalizedUtterance         => ['boolean',       [qw(isFinal finalizedUtterance)]],
    getConfidence                => ['float64',       ['confidence']],
    getUtteranceStartTime        => ['float64',       ['utteranceStartTime']],
    getUtteranceEndTime          => ['float64',       ['utteranceEndTime']],
    getUtteranceWords            => ['list<rstring>', ['utteranceWords']],
    getUtteranceWordsConfidences => ['list<float64>', ['utteranceWordsConfidences']],
    getUtteranceWordsStartTimes  => ['list<float64>', ['utteranceWordsStartTimes']],
    getUtteranceWordsEndTimes    => ['list<float64>', ['utteranceWordsEndTimes']],
    getUtteranceAlternatives     => ['list<rstring>', ['utteranceAlternatives']],
    getChannel                   => ['int32',         ['channel']],
    isTranscriptionCompleted     => ['boolean',       ['transcriptionCompleted']],
    getSTTErrorMessage           => ['rstring',       ['sttErrorMessage']],
);
my %ERROR_ATTRIBUTES = map { $_ => 'getSTTErrorMessage' } qw(sttErrorMessage errorMessage message);

# Which function fills which attribute of the first port by default.
sub default_functions() {
    my %by_attribute;
    for my $function (keys %FUNCTIONS) {
        $by_attribute{$_} = $function for @{$FUNCTIONS{$function}[1]};
    }
    return \%by_attribute;
}

# The attribute that holds the audio, or undef.
sub audio_attribute($) {
    my ($model) = @_;
    my $port = $model->getInputPortAt(0);
    my $parameter = $model->getParameterByName('audioAttribute');
    return attribute_of_parameter($port, $parameter) if $parameter;
    for my $name (qw(speech audioChunk)) {
        my $attribute = $port->getAttributeByName($name);
        return $attribute if $attribute;
    }
    return undef;
}

sub conversation_id_attribute($) {
    my ($model) = @_;
    my $parameter = $model->getParameterByName('conversationIdAttribute');
    return $parameter ? attribute_of_parameter($model->getInputPortAt(0), $parameter) : undef;
}

# An expression of mode Attribute is the attribute's name, maybe behind the stream's: `Calls.callId`.
sub attribute_of_parameter($$) {
    my ($port, $parameter) = @_;
    my $name = $parameter->getValueAt(0)->getSPLExpression();
    $name =~ s/.*\.//;
    return $port->getAttributeByName($name);
}

sub is_stateful($) {
    my ($model) = @_;
    my $context = $model->getContext();
    return ($context->getOptionalContext('ConsistentRegion') || $context->getCheckpointingKind() ne 'none') ? 1 : 0;
}

# The C++ expression of a parameter's value, or the default.
sub value($$$) {
    my ($model, $name, $default) = @_;
    my $parameter = $model->getParameterByName($name);
    return $parameter ? $parameter->getValueAt(0)->getCppExpression() : $default;
}

# The name of a custom literal.
sub literal($$$) {
    my ($model, $name, $default) = @_;
    my $parameter = $model->getParameterByName($name);
    return $default if !$parameter;
    my $value = $parameter->getValueAt(0)->getSPLExpression();
    $value =~ s/.*\.//;
    return $value;
}

# [attribute name, C++ expression] of every attribute of an output port that gets a value.
sub assignments($$$) {
    my ($model, $port, $by_attribute) = @_;
    my @assignments;
    for my $attribute (@{$port->getAttributes()}) {
        my $name = $attribute->getName();
        my $function;
        if ($attribute->hasAssignmentWithOutputFunction()) {
            $function = $attribute->getAssignmentOutputFunctionName();
            if ($function eq 'AsIs') {
                push @assignments, [$name, $attribute->getAssignmentOutputFunctionParameterValueAt(0)->getCppExpression()];
                next;
            }
        } elsif ($attribute->hasAssignment()) {
            push @assignments, [$name, $attribute->getAssignmentValue()->getCppExpression()];
            next;
        } else {
            $function = $by_attribute->{$name} or next;
        }
        push @assignments, [$name, "$function()"];
    }
    return \@assignments;
}

# Whether an output port gets the value of a function.
sub uses($$@) {
    my ($model, $port, @functions) = @_;
    my @expressions = map { $_->[1] } @{assignments($model, $port, default_functions())};
    return scalar(grep { my $function = $_; grep { $_ eq "$function()" } @expressions } @functions) ? 1 : 0;
}

sub verify($) {
    my ($model) = @_;
    require SpeechToTextResource;
    my $context = $model->getContext();
    my $kind = $context->getKind();
    my $location = $context->getSourceLocation();
    my $region = $context->getOptionalContext('ConsistentRegion');
    if ($region && $region->isStartOfRegion()) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_NO_START_OF_REGION($kind), $location);
    }
    verify_input($model, $kind);
    verify_output($model->getOutputPortAt(0), $kind, default_functions(), undef);
    verify_output($model->getOutputPortAt(1), $kind, \%ERROR_ATTRIBUTES, 'getSTTErrorMessage')
        if $model->getNumberOfOutputPorts() > 1;
    verify_range($model, $kind, 'latencyMs', 0);
    verify_range($model, $kind, 'sampleRate', 1000);
    verify_range($model, $kind, 'channels', 1);
    verify_range($model, $kind, 'channel', 0);
    verify_range($model, $kind, 'blankId', 0);
    verify_range($model, $kind, 'numThreads', 0);
    verify_range($model, $kind, 'beamSize', 1);
    verify_range($model, $kind, 'maxAlternatives', 1);
    verify_range($model, $kind, 'endpointSilenceMs', 0);
}

sub verify_input($$) {
    my ($model, $kind) = @_;
    my $location = $model->getInputPortAt(0)->getSourceLocation();
    my $audio = audio_attribute($model);
    SPL::CodeGen::exitln(SpeechToTextResource::STT_NO_AUDIO_ATTRIBUTE($kind), $location) if !$audio;
    my $type = $audio->getSPLType();
    if ($type ne 'blob' && $type ne 'rstring') {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_AUDIO_TYPE($kind, $audio->getName(), $type), $location);
    }
    my $id = conversation_id_attribute($model);
    if ($id && $id->getSPLType() !~ /^(rstring|u?int(16|32|64))$/) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_ID_TYPE($kind, $id->getName(), $id->getSPLType()), $location);
    }
}

sub verify_output($$$$) {
    my ($port, $kind, $by_attribute, $only) = @_;
    for my $attribute (@{$port->getAttributes()}) {
        my $name = $attribute->getName();
        my $function;
        if ($attribute->hasAssignmentWithOutputFunction()) {
            $function = $attribute->getAssignmentOutputFunctionName();
            next if $function eq 'AsIs';
            if ($only && $function ne $only) {
                SPL::CodeGen::exitln(SpeechToTextResource::STT_ERROR_PORT_FUNCTION($kind, $function, $name),
                    $attribute->getAssignmentSourceLocation());
            }
        } else {
            next if $attribute->hasAssignment();
            $function = $by_attribute->{$name} or next;
        }
        my $type = $FUNCTIONS{$function}[0];
        next if $attribute->getSPLType() eq $type;
        SPL::CodeGen::exitln(
            SpeechToTextResource::STT_OUTPUT_TYPE($kind, $name, $attribute->getSPLType(), $function, $type),
            $port->getSourceLocation());
    }
}

# Only what is written as a number can be checked here; other values are checked at run time.
sub verify_range($$$$) {
    my ($model, $kind, $name, $lowest) = @_;
    my $parameter = $model->getParameterByName($name) or return;
    my $value = $parameter->getValueAt(0)->getSPLExpression();
    return if $value !~ /^(-?\d+)(w|l)?$/ || $1 >= $lowest;
    SPL::CodeGen::exitln(SpeechToTextResource::STT_PARAMETER_RANGE($kind, $name, $value, $lowest),
        $parameter->getValueAt(0)->getSourceLocation());
}

sub error_attributes() { return \%ERROR_ATTRIBUTES; }

1;
