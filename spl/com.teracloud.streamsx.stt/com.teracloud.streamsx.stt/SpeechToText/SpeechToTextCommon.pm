# What the templates of SpeechToText, NeMoSTT and OnnxSTT ask of the operator instance, and what can be checked when it is
# compiled. Those of FileAudioSource read their parameters by it too.
package SpeechToTextCommon;

use strict;
use warnings;

my $MATCHES = 'map<rstring,list<tuple<float64 startTime,float64 endTime,float64 confidence>>>';
my $MAPS = 'map<rstring,list<map<rstring,float64>>>';

# Output function => its SPL types, and the attributes it fills by default.
our %FUNCTIONS = (
    getConversationId              => [['rstring'],             ['conversationId']],
    getUtteranceText               => [['rstring'],             [qw(transcription text utteranceText utterance)]],
    getUtteranceNumber             => [['int32'],               ['utteranceNumber']],
    isFinalizedUtterance           => [['boolean'],             [qw(isFinal finalizedUtterance)]],
    getConfidence                  => [['float64'],             ['confidence']],
    getUtteranceStartTime          => [['float64'],             ['utteranceStartTime']],
    getUtteranceEndTime            => [['float64'],             ['utteranceEndTime']],
    getUtteranceWords              => [['list<rstring>'],       ['utteranceWords']],
    getUtteranceWordsConfidences   => [['list<float64>'],       ['utteranceWordsConfidences']],
    getUtteranceWordsStartTimes    => [['list<float64>'],       ['utteranceWordsStartTimes']],
    getUtteranceWordsEndTimes      => [['list<float64>'],       ['utteranceWordsEndTimes']],
    getUtteranceAlternatives       => [['list<rstring>'],       ['utteranceAlternatives']],
    getWordAlternatives            => [['list<list<rstring>>'], ['wordAlternatives']],
    getWordAlternativesConfidences => [['list<list<float64>>'], ['wordAlternativesConfidences']],
    getWordAlternativesStartTimes  => [['list<float64>'],       ['wordAlternativesStartTimes']],
    getWordAlternativesEndTimes    => [['list<float64>'],       ['wordAlternativesEndTimes']],
    getKeywordsSpottingResults     => [[$MATCHES, $MAPS],       ['keywordsSpottingResults']],
    getChannel                     => [['int32'],               ['channel']],
    isTranscriptionCompleted       => [['boolean'],             ['transcriptionCompleted']],
    getSTTErrorMessage             => [['rstring'],             ['sttErrorMessage']],
);
# Known by name: what other recognisers give and this one does not.
my %MISSING = map { $_ => 1 }
    qw(getUtteranceWordsSpeakers getUtteranceWordsSpeakersConfidences getUtteranceWordsSpeakerUpdates);
my @OF_WORD_ALTERNATIVES = qw(getWordAlternatives getWordAlternativesConfidences getWordAlternativesStartTimes
    getWordAlternativesEndTimes);
my %ERROR_ATTRIBUTES = (
    conversationId => 'getConversationId',
    map { $_ => 'getSTTErrorMessage' } qw(sttErrorMessage errorMessage message)
);

# Operator => parameter of SpeechToText => its own parameter of that meaning.
my %ALIASES = (
    NeMoSTT => {},
    OnnxSTT => {modelPath => 'encoderModel', tokensPath => 'vocabFile'},
);
# Operator => parameters that the model directory answers.
my %WITHOUT_EFFECT = (
    NeMoSTT => [qw(modelType enableCaching cacheSize attContextLeft attContextRight chunkDurationMs minSpeechDurationMs)],
    OnnxSTT => [qw(cmvnFile modelType chunkSizeMs chunkOverlapMs)],
);
my %RATES = (mono8k => 8000, mono16k => 16000, mono22k => 22050, mono44k => 44100, mono48k => 48000);

# The operator's name without its namespace.
sub kind($) {
    my ($model) = @_;
    my $kind = $model->getContext()->getKind();
    $kind =~ s/.*:://;
    return $kind;
}

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

# Of audio in blobs `conversationId` is found by its name. A file is a conversation, unless the parameter says otherwise.
sub conversation_id_attribute($) {
    my ($model) = @_;
    my $port = $model->getInputPortAt(0);
    my $parameter = $model->getParameterByName('conversationIdAttribute');
    return attribute_of_parameter($port, $parameter) if $parameter;
    my $audio = audio_attribute($model);
    my $attribute = $port->getAttributeByName('conversationId');
    return $attribute && $audio && $audio->getSPLType() eq 'blob' && is_id($attribute) ? $attribute : undef;
}
sub is_id($) { return $_[0]->getSPLType() =~ /^(rstring|u?int(16|32|64))$/; }
sub is_integer($) { return $_[0]->getSPLType() =~ /^u?int(8|16|32|64)$/; }

# The attribute that says `channel`, `channels` or `sampleRate` of the audio, or undef.
sub description_attribute($$) {
    my ($model, $name) = @_;
    my $port = $model->getInputPortAt(0);
    my $parameter = $model->getParameterByName("${name}Attribute");
    return attribute_of_parameter($port, $parameter) if $parameter;
    my $attribute = $port->getAttributeByName($name);
    return $attribute && is_integer($attribute) ? $attribute : undef;
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

# The operator's parameter of the meaning that SpeechToText's has, or undef.
sub parameter($$) {
    my ($model, $name) = @_;
    return $model->getParameterByName($ALIASES{kind($model)}{$name} // $name);
}

# The C++ expression of a parameter's value, or the default.
sub value($$$) {
    my ($model, $name, $default) = @_;
    my $parameter = parameter($model, $name);
    return $parameter ? $parameter->getValueAt(0)->getCppExpression() : $default;
}
# [field, C++ expression] of the parameters that are given, of a list of names and fields.
sub given($@) {
    my ($model, %fields) = @_;
    my @names = grep { parameter($model, $_) } sort keys %fields;
    return map { [$fields{$_}, value($model, $_, undef)] } @names;
}
# Those of a parameter that may have several.
sub values_of($$) {
    my ($model, $name) = @_;
    my $parameter = parameter($model, $name) or return ();
    return map { $parameter->getValueAt($_)->getCppExpression() } 0 .. $parameter->getNumberOfValues() - 1;
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

sub sample_rate($) {
    my ($model) = @_;
    my $format = kind($model) eq 'NeMoSTT' ? literal($model, 'audioFormat', '') : '';
    return value($model, 'sampleRate', $RATES{$format} // '0');
}
sub audio_format($) {
    my ($model) = @_;
    return 'pcm16' if kind($model) ne 'SpeechToText' && audio_attribute($model)->getSPLType() eq 'blob';
    return 'wav' if kind($model) ne 'SpeechToText';
    return literal($model, 'audioFormat', audio_attribute($model)->getSPLType() eq 'rstring' ? 'wav' : 'pcm16');
}
# The C++ expression of the result mode.
sub result_mode($) {
    my ($model) = @_;
    my $modes = 'speech_to_text::ResultMode::';
    my $streaming = $model->getParameterByName('streamingMode');
    return '(' . $streaming->getValueAt(0)->getCppExpression() . ") ? ${modes}partial : ${modes}complete" if $streaming;
    return $modes . literal($model, 'resultMode', 'complete');
}
# Whoever has an error port goes on.
sub error_policy($) {
    my ($model) = @_;
    return literal($model, 'errorPolicy', $model->getNumberOfOutputPorts() > 1 ? 'skip' : 'fail');
}

# [attribute name, C++ expression] of every attribute of an output port that gets a value.
sub assignments($$$) {
    my ($model, $port, $by_attribute) = @_;
    my $tuple = $model->getInputPortAt(0)->getCppTupleName();
    my $channel = description_attribute($model, 'channel');
    my @assignments;
    for my $attribute (@{$port->getAttributes()}) {
        my $name = $attribute->getName();
        my ($expression, $function) = assignment($attribute);
        $function = $by_attribute->{$name} if !defined $expression && !$function;
        # The tuple's channel is -1 where several are interleaved: the result knows better.
        if (defined $expression && $channel && $name eq 'channel' && $attribute->getSPLType() eq 'int32'
            && $expression eq "$tuple.get_" . $channel->getName() . '()') {
            ($expression, $function) = (undef, $by_attribute->{$name} // 'getChannel');
        }
        next if !defined $expression && !$function;
        push @assignments, [$name, $expression // call($function, $attribute)];
    }
    return \@assignments;
}
# (C++ expression, output function) of what the output clause assigns: one of them, or neither.
sub assignment($) {
    my ($attribute) = @_;
    if ($attribute->hasAssignmentWithOutputFunction()) {
        my $function = $attribute->getAssignmentOutputFunctionName();
        return (undef, $function) if $function ne 'AsIs';
        return ($attribute->getAssignmentOutputFunctionParameterValueAt(0)->getCppExpression(), undef);
    }
    return ($attribute->getAssignmentValue()->getCppExpression(), undef) if $attribute->hasAssignment();
    return (undef, undef);
}
sub call($$) {
    my ($function, $attribute) = @_;
    return $function eq 'getKeywordsSpottingResults' ? "$function<" . $attribute->getCppType() . '>()' : "$function()";
}

# Whether an output port gets the value of one of the functions.
sub uses($$@) {
    my ($model, $port, @functions) = @_;
    my %wanted = map { $_ => 1 } @functions;
    for my $assignment (@{assignments($model, $port, default_functions())}) {
        return 1 if $assignment->[1] =~ /^(\w+)(<.*>)?\(\)$/ && $wanted{$1};
    }
    return 0;
}
sub uses_word_alternatives($$) { return uses($_[0], $_[1], @OF_WORD_ALTERNATIVES); }

# Raises what is wrong. warns: what is only odd is said too: by one of the two templates.
sub verify($$) {
    my ($model, $warns) = @_;
    require SpeechToTextResource;
    my $context = $model->getContext();
    my $kind = $context->getKind();
    my $location = $context->getSourceLocation();
    my $region = $context->getOptionalContext('ConsistentRegion');
    if ($region && $region->isStartOfRegion()) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_NO_START_OF_REGION($kind), $location);
    }
    verify_input($model, $kind);
    verify_output($model, 0, $kind, default_functions(), undef, $warns);
    verify_output($model, 1, $kind, \%ERROR_ATTRIBUTES, \%ERROR_ATTRIBUTES, $warns)
        if $model->getNumberOfOutputPorts() > 1;
    my %lowest = (latencyMs => 0, sampleRate => 1000, channels => 1, channel => 0, blankId => 0, numThreads => 0,
        beamSize => 1, maxAlternatives => 1, endpointSilenceMs => 0, conversationTimeout => 0, maxConversations => 1);
    verify_range($model, $kind, $_, $lowest{$_}) for sort keys %lowest;
    for my $name ($warns ? @{$WITHOUT_EFFECT{kind($model)} // []} : ()) {
        my $parameter = $model->getParameterByName($name) or next;
        SPL::CodeGen::warnln(SpeechToTextResource::STT_WITHOUT_EFFECT($kind, $name),
            $parameter->getValueAt(0)->getSourceLocation());
    }
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
    if ($id && !is_id($id)) {
        SPL::CodeGen::exitln(SpeechToTextResource::STT_ID_TYPE($kind, $id->getName(), $id->getSPLType()), $location);
    }
    for my $name (qw(channel channels sampleRate)) {
        my $attribute = description_attribute($model, $name);
        next if !$attribute || is_integer($attribute);
        SPL::CodeGen::exitln(SpeechToTextResource::STT_DESCRIPTION_TYPE($kind, $attribute->getName(),
            $attribute->getSPLType(), "${name}Attribute"), $location);
    }
}

# only: the functions that the port has; undef: all.
sub verify_output($$$$$$) {
    my ($model, $number, $kind, $by_attribute, $only, $warns) = @_;
    my $port = $model->getOutputPortAt($number);
    my %allowed = map { $_ => 1 } values %{$only // {}};
    for my $attribute (@{$port->getAttributes()}) {
        my $name = $attribute->getName();
        my ($expression, $function) = assignment($attribute);
        next if defined $expression;
        if ($function && $MISSING{$function}) {
            SPL::CodeGen::exitln(SpeechToTextResource::STT_NO_SPEAKERS($kind, $function),
                $attribute->getAssignmentSourceLocation());
        }
        if ($function && $only && !$allowed{$function}) {
            SPL::CodeGen::exitln(SpeechToTextResource::STT_ERROR_PORT_FUNCTION($kind, $function, $name),
                $attribute->getAssignmentSourceLocation());
        }
        $function //= $by_attribute->{$name};
        if (!$function) {
            SPL::CodeGen::warnln(SpeechToTextResource::STT_NOT_FILLED($kind, $name), $port->getSourceLocation()) if $warns;
            next;
        }
        my $type = plain($attribute->getSPLType());
        next if grep { $type eq plain($_) } @{$FUNCTIONS{$function}[0]};
        SPL::CodeGen::exitln(SpeechToTextResource::STT_OUTPUT_TYPE($kind, $name, $attribute->getSPLType(), $function,
            join(' or ', @{$FUNCTIONS{$function}[0]})), $port->getSourceLocation());
    }
}
# A type without the spaces that mean nothing.
sub plain($) {
    my ($type) = @_;
    $type =~ s/\s*([<>,])\s*/$1/g;
    return $type;
}

# Only what is written as a number can be checked here; other values are checked at run time.
sub verify_range($$$$) {
    my ($model, $kind, $name, $lowest) = @_;
    my $parameter = $model->getParameterByName($name) or return;
    my $value = $parameter->getValueAt(0)->getSPLExpression();
    return if $value !~ /^(-?\d+(?:\.\d+)?)(w|l)?$/ || $1 >= $lowest;
    SPL::CodeGen::exitln(SpeechToTextResource::STT_PARAMETER_RANGE($kind, $name, $value, $lowest),
        $parameter->getValueAt(0)->getSourceLocation());
}

sub error_attributes() { return \%ERROR_ATTRIBUTES; }

1;
